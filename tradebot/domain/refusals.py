"""Why an alert is not traded, or not yet: a stable code with its facts, never a sentence. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class RefusalCode(StrEnum):
    """Why an alert is not traded, or not yet. Stored with events and decisions: a code is never renamed."""

    # the checks below: each refuses by the code it is named by in the policy, or by NOT_KNOWN
    KILL_SWITCH = "kill_switch"
    PAUSED = "paused"
    TICKER_BLOCKED = "ticker_blocked"  # by the owner
    STRATEGY_DISABLED = "strategy_disabled"
    STRATEGY_PAUSED = "strategy_paused"
    TICKER_NOT_ALLOWED = "ticker_not_allowed"
    AT_TARGET = "at_target"  # nothing to do: not a failure
    OVERTAKEN = "overtaken"
    TRADING_WINDOW = "trading_window"
    UNKNOWN_ORDER = "unknown_order"
    SPLIT = "split"
    OTHER_CONTRACT = "other_contract"
    SHORT_AT_IB = "short_at_ib"
    MISMATCH = "mismatch"
    ALERT_AGE = "alert_age"
    REPEAT_WINDOW = "repeat_window"
    COOLDOWN = "cooldown"
    MAX_ALERTS_PER_DAY = "max_alerts_per_day"
    NO_QUOTE = "no_quote"
    DELAYED_QUOTE = "delayed_quote"
    MAX_SPREAD = "max_spread"
    SIZE = "size"
    CASH = "cash"
    MAX_TOTAL_INVESTMENT = "max_total_investment"
    MAX_OPEN_POSITIONS = "max_open_positions"
    MAX_PER_TICKER = "max_per_ticker"
    MAX_DAILY_BUYS = "max_daily_buys"
    MAX_DAILY_LOSS = "max_daily_loss"
    PRICE_COLLAR = "price_collar"
    MAX_ORDER_VALUE = "max_order_value"
    NOT_KNOWN = "not_known"  # the fact "figure" names what is not known, or is not a number
    EXIT_LEVELS = "exit_levels"  # a stop or target on the wrong side of the entry
    ENTRY_AT_WORK = "entry_at_work"  # an older entry of the strategy still waits for its price
    MAX_RISK = "max_risk"
    MARGIN = "margin"  # by IB's own what-if answer
    # beside the checks
    MARKET_CLOSED = "market_closed"
    NO_CONTRACT = "no_contract"
    NOTHING_HELD = "nothing_held"
    NOTHING_LEFT_TO_SELL = "nothing_left_to_sell"
    EXIT_SIZE = "exit_size"  # an exit's size comes to no share
    SUPERSEDED = "superseded"
    ENTRIES_CANCELLED = (
        "entries_cancelled"  # what the alert asked for is done: orders, alerts, filled, too_late, unknown
    )
    INTERNAL_ERROR = "internal_error"


class Figure(StrEnum):
    """What a check needs and may not know: the fact "figure" of NOT_KNOWN."""

    MISSING_QTY = "missing_qty"
    WAITED_S = "waited_s"
    SINCE_LAST_BUY_S = "since_last_buy_s"
    AMOUNT_USD = "amount_usd"
    CASH = "cash"
    NO_USD = "no_usd"  # base_currency, base_cash: what the account has instead
    RESERVED = "reserved"
    INVESTED = "invested"
    REALISED_TODAY = "realised_today"
    OPEN_CHANGE = "open_change"  # unpriced: the tickers without a price
    ALERT_PRICE = "alert_price"
    SIZE = "size"  # of a strategy that has a kind of size and no figure
    ALERT_SIZE = "alert_size"  # the strategy is sized by its alerts, and this one has no size
    SIZE_NOT_USED = "size_not_used"  # the other way round
    EQUITY = "equity"
    STOP = "stop"  # to size by what is lost there
    AT_RISK = "at_risk"
    MARGIN = "margin"  # of a BUY that is to be put to IB first
    ORDER_NOT_USED = "order_not_used"  # the alert asks for an order, a stop or a target that the strategy does not take
    PRICE_STEP = "price_step"  # of the contract: by how much its prices differ


Fact = Decimal | int | str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not: a stable code and the figures behind it. USD, shares, seconds and percent are Decimal, counts int."""

    code: RefusalCode
    facts: Mapping[str, Fact] = field(default_factory=dict)
