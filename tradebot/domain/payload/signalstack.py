"""SignalStack's JSON: `{"symbol": "AAPL", "action": "buy", "quantity": 10}`; its plain words are in `text.py`. Pure.

Rules, as its documentation has them:
- `symbol` and `action` are required: buy, sell, sell_short, buy_to_cover, close, cancel.
- `quantity` counts shares. `limit_price` makes it a limit order, `stop_price` a stop order, both a stop-limit order.
- `class` must be a stock's.
"""

from collections.abc import Mapping
from typing import Any

from tradebot.domain.instructions import Instruction
from tradebot.domain.payload.aim import POSITION_FIELDS
from tradebot.domain.payload.dialect import Dialect, Wanted, instruction
from tradebot.domain.payload.fields import TICKER, Field, Fields, lacking, words
from tradebot.domain.payload.message import Form, Message
from tradebot.domain.payload.own import ACTION, COMMON, common

SYMBOL = Field("symbol", TICKER, "{{ticker}}", required=True, about="A US stock or fund.")
CLASS = Field(
    "class", words(dict.fromkeys(("stock", "stocks", "equity", "etf"), True), "stock: nothing else is traded"), "stock"
)

FIELDS = (SYMBOL, ACTION, CLASS, *COMMON)


def understand(message: Message) -> Instruction:
    """Raises PayloadError."""
    fields = Fields(message.fields or {})
    listed, action = fields.need(SYMBOL), fields.need(ACTION)
    fields.get(CLASS)
    wanted = common(fields, Wanted(action=action, listed=listed))
    return instruction(DIALECT, message, fields, wanted)


def lacks(fields: Mapping[str, object]) -> Field[Any] | None:
    """What makes a message SignalStack's."""
    return lacking(fields, SYMBOL, ACTION)


DIALECT = Dialect(
    name="signalstack",
    title="a message of SignalStack",
    form=Form.JSON,
    fields=FIELDS,
    inside={"strategy": POSITION_FIELDS, "strategy_info": POSITION_FIELDS},
    understand=understand,
    lacks=lacks,
    marks=frozenset({"symbol"}),
)
