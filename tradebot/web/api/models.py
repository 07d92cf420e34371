"""What the API answers: its public words, apart from the bot's own records. A figure that is not known is null, never zero."""

from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.api_access import Scope
from tradebot.domain.event_groups import EventGroup, Telling
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import OrderRole, TradeStatus
from tradebot.web.api.values import Amount, Json, Moment, Shown, Why


class Me(Shown):
    """The token that asks."""

    id: str
    label: str
    scope: Scope
    expires_at: Moment


# --- orders, fills, alerts --------------------------------------------------------------------------------------------


class Order(Shown):
    """An order and what has filled of it. Prices and commission in USD."""

    id: int
    alert_id: int
    order_ref: str
    strategy: str
    ticker: str
    side: Side
    role: OrderRole
    status: TradeStatus
    order_type: str
    tif: str
    requested_qty: Amount
    filled_qty: Amount
    avg_fill_price: Amount | None
    commission: Amount
    limit_price: Amount | None
    stop_price: Amount | None
    trail_amount: Amount | None
    trail_pct: Amount | None
    outside_rth: bool
    good_till: Moment | None
    created_at: Moment
    submitted_at: Moment | None
    finished_at: Moment | None
    error_message: Why


class WorkingOrder(Shown):
    """An order that has not ended, beside the market."""

    order: Order
    level: Amount | None  # the price at which something happens
    price: Amount | None  # the market's
    distance: Amount | None
    waits: bool  # a stop or target whose entry has not filled


class WorkingOrders(Shown):
    """The oldest first."""

    items: list[WorkingOrder]


class Orders(Shown):
    """A page, the newest first; `next`: what to give as `before` for the page after it."""

    items: list[Order]
    next: str | None


class Trade(Shown):
    """An order that has filled something; `pnl` net, of what it sold."""

    order: Order
    pnl: Amount | None


class Trades(Shown):
    """The newest first."""

    items: list[Trade]


class Alert(Shown):
    """An alert as it stands."""

    id: int
    received_at: Moment
    alert_time: Moment | None
    strategy: str
    ticker: str | None
    action: Side | None
    price: Amount | None
    status: AlertStatus
    reason: Why
    dialect: str | None
    instruction: Json
    test: bool
    duplicates: int


class ListedAlert(Shown):
    """An alert and its orders, the oldest first."""

    alert: Alert
    orders: list[Order]


class Alerts(Shown):
    """A page, the newest first; `next`: what to give as `before` for the page after it."""

    items: list[ListedAlert]
    next: str | None


class Execution(Shown):
    """One fill."""

    exec_id: str
    time: Moment
    shares: Amount
    price: Amount
    commission: Amount | None


class Lot(Shown):
    """Shares that were bought together, and what became of them."""

    id: int
    strategy: str
    ticker: str
    qty: Amount
    status: str
    entry_price: Amount
    entry_time: Moment
    exit_price: Amount | None
    exit_time: Moment | None
    pnl: Amount | None
    commission: Amount


class TracedOrder(Shown):
    """An order, what it was decided on and what came of it."""

    trade: Order
    decision: Json  # checks and inputs
    executions: list[Execution]
    opened: list[Lot]
    closed: list[Lot]


class Event(Shown):
    """Something that happened, in words and as facts."""

    id: int
    at: Moment
    kind: str
    severity: str
    actor: str
    alert_id: int | None
    trade_id: int | None
    strategy: str | None
    ticker: str | None
    text: str
    facts: Json


class Delivery(Shown):
    """An event on its way to a channel."""

    event_id: int
    channel: str
    state: str
    attempts: int
    error: str | None
    delivered_at: Moment | None


class Trace(Shown):
    """An alert with all that is stored of it."""

    alert: Alert
    message: str  # as it was received, without its secret
    orders: list[TracedOrder]
    events: list[Event]
    deliveries: list[Delivery]
    is_pruned: bool  # the retention has taken its beginning away


class Events(Shown):
    """The oldest first; `next`: what to give as `after` for what comes after it."""

    items: list[Event]
    next: str


class Deliveries(Shown):
    """The newest first."""

    items: list[Delivery]


# --- what was done ----------------------------------------------------------------------------------------------------


class State(Shown):
    """The trading state in force. `stored` false: in force, and not stored yet."""

    state: TradingState
    stored: bool = True


class LimitChanged(Shown):
    """Before and after; equal where nothing was changed."""

    name: str
    strategy: str | None
    old: Amount | None
    new: Amount


class TellingChanged(Shown):
    """Before and after; equal where nothing was changed."""

    group: EventGroup
    old: Telling
    new: Telling


class Done(Shown):
    """Whether something was changed; false where it was so already."""

    done: bool


class Selling(Shown):
    """The alerts that sell: each is judged and traced as any other."""

    alert_ids: list[int]


class Buying(Shown):
    """The alert that buys."""

    alert_id: int | None


class Preview(Shown):
    """What would become of it at this moment; nothing is stored."""

    report: Json


class Cleared(Shown):
    """How many alerts were taken out of the queue."""

    cleared: int


class Resolved(Shown):
    """The order as it is booked now."""

    order: Order
