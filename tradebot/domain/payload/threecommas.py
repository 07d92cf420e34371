"""The messages of 3Commas' signal bot, of the strategy and of the custom type. Pure.

Rules, as its help pages have them:
- `tv_instrument` (with `tv_exchange`) and `action`: buy and sell of the strategy type, enter_long, exit_long and enter_short of
  the custom one. `trigger_price` and `timestamp` are the price and the time of the signal.
- `strategy_info` says the position before and after, of the strategy's own sizes: the clearest target of all.
- `order.amount` counts what `currency_type` says: base is shares, quote is USD, position_percent a part of what is held.
- `max_lag` is not used: the bot's own `max_alert_age_s` says how old an alert may be. Neither is `bot_uuid`: the address and
  `strategy` say whose an alert is.
"""

from collections.abc import Mapping
from typing import Any

from tradebot.domain.instructions import Instruction, SizeKind
from tradebot.domain.payload.aim import OWN_ACTIONS, POSITION_FIELDS, Action, position
from tradebot.domain.payload.dialect import ALERT_ID, STRATEGY, Dialect, Wanted, instruction, unused
from tradebot.domain.payload.fields import ANYTHING, EXCHANGE, PRICE, SIZE, TICKER, TIME, Field, Fields, lacking, words
from tradebot.domain.payload.message import Form, Message
from tradebot.domain.payload.own import TEST
from tradebot.domain.payload.terms import size_of

ACTIONS: Mapping[str, Action] = {
    **OWN_ACTIONS,
    "enter_long": Action.BUY,
    "exit_long": Action.EXIT,
    "enter_short": Action.SHORT,
    "exit_short": Action.COVER,
}
ACTION = Field(
    "action", words(ACTIONS, "buy or sell, or enter_long or exit_long"), "{{strategy.order.action}}", required=True
)
INSTRUMENT = Field("tv_instrument", TICKER, "{{ticker}}", required=True, about="A US stock or fund.")
EXCHANGE_ = Field("tv_exchange", EXCHANGE, "{{exchange}}", about="Where it is listed.")
TRIGGER_PRICE = Field("trigger_price", PRICE, "{{close}}", about="USD.")
TIMESTAMP = Field("timestamp", TIME, "{{timenow}}", about="When the signal was made.")
STRATEGY_INFO = Field("strategy_info", ANYTHING, about="The sender's position before and after.")
ORDER = Field("order", ANYTHING, about="How much: amount, and what it counts, currency_type.")

AMOUNT = Field("amount", SIZE, "{{strategy.order.contracts}}")
CURRENCY_TYPE = Field(
    "currency_type",
    words(
        {"base": SizeKind.SHARES, "quote": SizeKind.USD, "position_percent": SizeKind.POSITION_PCT},
        "base, quote or position_percent",
    ),
    "base",
)
INSIDE = {"strategy_info": POSITION_FIELDS, "order": (AMOUNT, CURRENCY_TYPE)}

FIELDS = (INSTRUMENT, ACTION, EXCHANGE_, TRIGGER_PRICE, TIMESTAMP, STRATEGY_INFO, ORDER, ALERT_ID, STRATEGY, TEST)


def understand(message: Message) -> Instruction:
    """Raises PayloadError."""
    fields = Fields(message.fields or {})
    listed, action = fields.need(INSTRUMENT), fields.need(ACTION)
    info = fields.inside("strategy_info") or Fields({}, "strategy_info.")
    order = fields.inside("order") or Fields({}, "order.")
    target = position(fields, info)
    amount, counted = order.get(AMOUNT), order.get(CURRENCY_TYPE)
    left_out = () if target is not None else unused(info, "prev_market_position", "prev_market_position_size")
    wanted = Wanted(
        action=action,
        listed=listed,
        exchange=fields.get(EXCHANGE_),
        size=None if amount is None else size_of(amount, counted),
        target=target,
        price=fields.get(TRIGGER_PRICE),
        alert_time=fields.get(TIMESTAMP),
        unused=(*unused(fields, "max_lag", "bot_uuid"), *left_out),
        groups=(info, order),
    )
    return instruction(DIALECT, message, fields, wanted)


def lacks(fields: Mapping[str, object]) -> Field[Any] | None:
    """What makes a message 3Commas'."""
    return lacking(fields, INSTRUMENT, ACTION)


DIALECT = Dialect(
    name="3commas",
    title="a message of 3Commas",
    form=Form.JSON,
    fields=FIELDS,
    inside=INSIDE,
    understand=understand,
    lacks=lacks,
    marks=frozenset({"tv_instrument", "tv_exchange", "bot_uuid", "max_lag", "strategy_info", "trigger_price"}),
)
