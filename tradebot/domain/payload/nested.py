"""The nested form of an early popular bot and its tutorials: `{"ticker": …, "strategy": {"order_action": "buy", …}}`. Pure.

Rules:
- `ticker` at the top, `order_action` in the object `strategy`; `order_contracts` counts shares, `order_price` is a price in USD.
- `market_position` and its size, before and after, stand in `strategy` too; `bar` and `order_id` are only kept with the alert.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tradebot.domain.instructions import Instruction
from tradebot.domain.payload.aim import OWN_ACTIONS, POSITION_FIELDS, SHORT_ACTIONS, position
from tradebot.domain.payload.dialect import ALERT_ID, Dialect, Wanted, instruction, unused
from tradebot.domain.payload.fields import ANYTHING, PRICE, SIZE, Field, Fields, lacking, words
from tradebot.domain.payload.message import Form, Message
from tradebot.domain.payload.own import EXCHANGE_, PRICE_, TEST, TICKER_, TIME_
from tradebot.domain.payload.terms import size_of

ORDER_ACTION = Field(
    "order_action",
    words({**OWN_ACTIONS, **SHORT_ACTIONS}, "buy or sell"),
    "{{strategy.order.action}}",
    required=True,
)
ORDER_CONTRACTS = Field("order_contracts", SIZE, "{{strategy.order.contracts}}", about="Shares.")
ORDER_PRICE = Field("order_price", PRICE, "{{strategy.order.price}}", about="USD.")
STRATEGY_FIELDS = (ORDER_ACTION, ORDER_CONTRACTS, ORDER_PRICE, *POSITION_FIELDS)
STRATEGY = Field("strategy", ANYTHING, required=True, about="What the sender's strategy did.")

FIELDS = (TICKER_, STRATEGY, EXCHANGE_, PRICE_, TIME_, ALERT_ID, TEST)


def understand(message: Message) -> Instruction:
    """Raises PayloadError."""
    fields = Fields(message.fields or {})
    strategy = fields.inside("strategy") or Fields({}, "strategy.")
    listed, action = fields.need(TICKER_), strategy.need(ORDER_ACTION)
    target = position(fields, strategy)
    price = strategy.get(ORDER_PRICE)
    wanted = Wanted(
        action=action,
        listed=listed,
        exchange=fields.get(EXCHANGE_),
        size=size_of(strategy.get(ORDER_CONTRACTS), None, "order_contracts"),
        target=target,
        price=fields.get(PRICE_) or price,
        alert_time=fields.get(TIME_),
        unused=() if target is not None else unused(strategy, "prev_market_position", "prev_market_position_size"),
        groups=(strategy,),
    )
    return instruction(DIALECT, message, fields, wanted)


def lacks(fields: Mapping[str, object]) -> Field[Any] | None:
    """`ticker`, and `order_action` in an object `strategy`."""
    if (missing := lacking(fields, TICKER_)) is not None:
        return missing
    strategy = fields.get("strategy")
    missing = lacking(strategy if isinstance(strategy, dict) else {}, ORDER_ACTION)
    return None if missing is None else replace(missing, name=f"strategy.{missing.name}")


DIALECT = Dialect(
    name="nested",
    title="a message with a nested strategy",
    form=Form.JSON,
    fields=FIELDS,
    inside={"strategy": STRATEGY_FIELDS},
    understand=understand,
    lacks=lacks,
    marks=frozenset({"bar", "passphrase"}),
)
