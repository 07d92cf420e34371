"""A command in plain words, as SignalStack takes it: `BUY 10 AAPL`, `close NVDA`. Pure.

Rules: a word that trades, a number of shares where there is one, a ticker, and nothing else: a fourth word is refused, for it may
mean anything. The secret and the strategy stand in the address.
"""

from tradebot.domain.instructions import Instruction
from tradebot.domain.payload.aim import OWN_ACTIONS, SHORT_ACTIONS
from tradebot.domain.payload.dialect import Dialect, Wanted, instruction
from tradebot.domain.payload.fields import SIZE, TICKER, Field, Fields, words
from tradebot.domain.payload.message import Form, Message
from tradebot.domain.payload.terms import size_of
from tradebot.domain.payload.traderspost import ONLY_HERE
from tradebot.errors import PayloadError

ACTION = Field(
    "the first word",
    words({**OWN_ACTIONS, **SHORT_ACTIONS, **ONLY_HERE}, "buy, sell, close, exit or flat"),
    "BUY",
    required=True,
)
QUANTITY = Field("the number of shares", SIZE, "10")
TICKER_ = Field("the ticker", TICKER, "AAPL", required=True)
_EXAMPLE = "Write for instance BUY 10 AAPL, or close NVDA."


def understand(message: Message) -> Instruction:
    """Raises PayloadError."""
    said = (message.text or "").split()
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
