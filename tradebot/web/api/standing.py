"""How it stands, as the API answers it. A figure that is not known is null, never zero."""

from datetime import date

from tradebot.domain.event_groups import EventGroup, Telling
from tradebot.domain.settings import TradingState
from tradebot.web.api.models import Alert, Order
from tradebot.web.api.values import Amount, Json, Moment, Shown


class Connection(Shown):
    """The link to IB."""

    up: bool
    upstream: bool
    tradable: bool
    account: str | None
    paper: bool | None
    since: Moment | None
    why_not: str | None


class Account(Shown):
    """As IB last sent it, USD."""

    account: str
    at: Moment
    cash: Amount | None
    equity: Amount | None
    buying_power: Amount | None
    unrealised: Amount | None
    realised_today: Amount | None
    daily_pnl: Amount | None


class Exposure(Shown):
    """What the limits are compared with, USD."""

    invested: Amount
    held: Amount
    in_flight: Amount
    open_positions: int
    by_ticker: dict[str, int]
    cost_by_ticker: dict[str, Amount]
    cost_by_sector: dict[str, Amount]  # by IB's industry, the largest first, "unknown" last
    buys_today: int
    sells_today: int
    realised_today: Amount
    lost_today: Amount | None
    at_risk: Amount


class Depths(Shown):
    """The queue's lists: ids of alerts, the next one first."""

    sell: list[int]
    buy: list[int]
    pending: list[int]


class Status(Shown):
    """The running daemon at one moment."""

    state: TradingState
    version: str
    uptime_s: float
    simulated: list[str]  # what is simulated, embedded or off
    connection: Connection
    account: Account | None
    held_up_by: list[str]  # why no order leaves; empty when orders leave
    unanswered: list[str]  # questions that IB does not answer
    queue: Depths | None
    waiting_sells: int
    waiting_buys: int
    pending: int
    in_flight: list[Order]
    resting: list[Order]
    unknown: list[Order]
    lots: int
    exposure: Exposure
    blocked: list[str]  # tickers that nobody buys


class Health(Shown):
    """`ok`: an alert that arrives now is stored, judged and sent."""

    ok: bool
    parts: Json


class Position(Shown):
    """All open lots of one contract. USD."""

    ticker: str
    lots: int
    qty: Amount
    cost: Amount
    entry_price: Amount
    price: Amount | None
    value: Amount | None
    pnl: Amount | None


class PositionsOf(Shown):
    """What is held; `unknown`: tickers without a price, which `pnl` leaves out."""

    positions: list[Position]
    pnl: Amount
    unknown: list[str]


class Positions(Shown):
    """What the bot holds, and how that compares with IB's own positions."""

    open: PositionsOf
    by_strategy: dict[str, PositionsOf]  # empty where there is one strategy
    owners: dict[str, Amount]  # shares at IB beyond the bot's
    missing: dict[str, Amount]  # shares in the books that IB does not show
    known: bool  # whether IB's positions are known now


class Summary(Shown):
    """What some New York dates brought, USD."""

    buys: int
    sells: int
    commissions_paid: Amount
    gross: Amount
    lot_commissions: Amount
    net: Amount
    by_ticker: dict[str, Amount]
    closed: int
    wins: int
    win_rate: Amount | None
    written_off: int


class Day(Shown):
    """One New York date."""

    date: date
    result: Summary


class PnlOf(Shown):
    """Every date, the oldest first, and all of them."""

    days: list[Day]
    total: Summary


class Pnl(PnlOf):
    """Realised profit and loss."""

    by_strategy: dict[str, PnlOf]


class EquityAt(Shown):
    """The account's worth at a moment, USD."""

    at: Moment
    net_liquidation: Amount
    cash: Amount | None
    unrealised: Amount | None
    realised_today: Amount | None


class Equity(Shown):
    """Every 15 minutes of a session, in time order; `account` null: IB has named none yet."""

    account: str | None
    items: list[EquityAt]


class Limit(Shown):
    """A limit in force; of the account where `strategy` is null."""

    name: str
    strategy: str | None
    value: Amount
    min: Amount
    max: Amount
    whole: bool


class Limits(Shown):
    """The limits in force, and what they are compared with."""

    items: list[Limit]
    exposure: Exposure


class Tellings(Shown):
    """How the chat is told of each group of events."""

    groups: dict[EventGroup, Telling]


class StrategyState(Shown):
    """A strategy as it stands."""

    name: str
    standing: str
    paused: bool
    lots: int
    limits: dict[str, Amount]
    exposure: Exposure
    last_alert: Alert | None


class Strategies(Shown):
    """In the file's order."""

    state: TradingState
    items: list[StrategyState]


class Waiting(Shown):
    """Alerts that wait, in the order in which they will be looked at."""

    sells: list[Alert]
    buys: list[Alert]
    pending: list[Alert]


class Job(Shown):
    """A scheduled job: its line, New York time, and when it ran last."""

    name: str
    cron: str
    last_run: Moment | None
    last_outcome: str | None  # failed or missed; null: done
    next_run: Moment | None


class Jobs(Shown):
    """Every job."""

    items: list[Job]


class Session(Shown):
    """One day's regular trading hours."""

    date: date
    open: Moment
    close: Moment
    early: bool
    name: str | None


class SpecialDay(Shown):
    """A weekday that is not an ordinary session."""

    day: date
    name: str
    closes: Moment | None


class Market(Shown):
    """The exchange now and next."""

    now: Moment
    is_open: bool
    always: bool  # the bot trades regardless of the hours
    session: Session | None
    closed_because: str | None
    next_open: Moment
    next_close: Moment
    specials: list[SpecialDay]


class LogLine(Shown):
    """A line of the daemon's log; secrets are cut out."""

    at: Moment | None
    level: str
    message: str


class Log(Shown):
    """The oldest first."""

    items: list[LogLine]


class UnknownOrder(Shown):
    """What would be booked if the owner said that it filled; `price` null: it cannot be booked so."""

    trade: Order
    qty: Amount
    price: Amount | None
    source: str | None


class Missing(Shown):
    """Shares of a strategy's books that IB does not show."""

    ticker: str
    strategy: str
    held: Amount
    qty: Amount
    others: Amount
    elsewhere: Amount


class Mismatch(Shown):
    """One a strategy that holds it; `nothing`: why there is none."""

    items: list[Missing]
    nothing: str | None


class Split(Shown):
    """What looks like a split: so many `new` shares for so many `old` ones."""

    ticker: str
    new: int
    old: int
    booked: Amount
    at_ib: Amount


class SeenSplit(Shown):
    """`nothing`: why none is seen."""

    split: Split | None
    nothing: str | None
