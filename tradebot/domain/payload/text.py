"""A command in plain words, as SignalStack takes it: `BUY 10 AAPL`, `close NVDA`. Pure.

Rules: a word that trades, a number of shares where there is one, a ticker, and nothing else: a fourth word is refused, for it may
mean anything. The secret and the strategy stand in the address.
"""

import re

from tradebot.domain.instructions import Instruction
from tradebot.domain.payload.aim import OWN_ACTIONS, SHORT_ACTIONS
from tradebot.domain.payload.dialect import Dialect, Wanted, instruction
from tradebot.domain.payload.fields import NUMBER, SIZE, TICKER, Field, Fields, alternatives, words
from tradebot.domain.payload.message import BLANKS, Form, Message
from tradebot.domain.payload.terms import size_of
from tradebot.domain.payload.traderspost import ONLY_HERE
from tradebot.errors import PayloadError

_WORDS = {**OWN_ACTIONS, **SHORT_ACTIONS, **ONLY_HERE}
ACTION = Field(
    "the first word",
    words(_WORDS, "buy, sell, close, exit or flat"),
    "BUY",
    required=True,
)
QUANTITY = Field("the number of shares", SIZE, "10")
TICKER_ = Field("the ticker", TICKER, "AAPL", required=True)
PATTERN = rf"^[ \t\r\n]*({alternatives(_WORDS)})[ \t\r\n]+(({NUMBER})[ \t\r\n]+)?[A-Za-z0-9_:.]+[ \t\r\n]*$"
"""Of the whole message, for the JSON Schema."""
_EXAMPLE = "Write for instance BUY 10 AAPL, or close NVDA."


def understand(message: Message) -> Instruction:
    """Raises PayloadError."""
    said = re.split(f"[{BLANKS}]+", (message.text or "").strip(BLANKS))
    if len(said) not in (2, 3):
        raise PayloadError(
            "A message in plain words has a word that trades, a number of shares where there is one, and a ticker, but this one"
            f" has {len(said)} words. Nothing was traded. {_EXAMPLE}"
        )
    fields = Fields({ACTION.name: said[0], TICKER_.name: said[-1], **({QUANTITY.name: said[1]} if said[2:] else {})})
    wanted = Wanted(
        action=fields.need(ACTION),
        listed=fields.need(TICKER_),
        size=size_of(fields.get(QUANTITY), None),
    )
    return instruction(DIALECT, message, fields, wanted)


DIALECT = Dialect(
    name="text",
    title="a message in plain words",
    form=Form.TEXT,
    fields=(ACTION, QUANTITY, TICKER_),
    understand=understand,
)
