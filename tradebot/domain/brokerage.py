"""What the broker reports: contracts, quotes, the account, positions, orders, executions, and the events it sends by itself.

Rules: facts as the broker gave them, translated and nothing more; Decimal, aware UTC; None means "not reported", never zero.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from tradebot.domain.alerts import Side
from tradebot.domain.terms import CENTS, MARKET_DAY, PriceSteps, Terms
from tradebot.domain.trades import ORDER_REF_PREFIX


@dataclass(frozen=True, slots=True)
class Contract:
    """A US stock, pinned to IB's contract id."""

    con_id: int
    ticker: str  # IB's symbol: "BRK B"
    primary_exchange: str
    steps: PriceSteps | None = CENTS  # of its prices, where SMART takes its orders; None: IB has not told


@dataclass(frozen=True, slots=True)
class Quote:
    """USD a share. `at` is when IB's tick arrived; `delayed` quotes are up to 20 minutes old."""

    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    at: datetime
    delayed: bool


@dataclass(frozen=True, slots=True)
class NoQuote:
    """IB gave no price: refused it, with its code and words, or sent none in time (`code` None)."""

    code: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """Account values in USD as IB last sent them, at most three minutes old while connected."""

    account: str
    cash: Decimal | None  # TotalCashBalance, USD
    settled_cash: Decimal | None  # of the USD; where IB reports it in another currency only, at least so much
    equity: Decimal | None  # NetLiquidation
    buying_power: Decimal | None
    is_cash_account: bool
    at: datetime  # when the last complete update arrived
    unrealised: Decimal | None = None  # UnrealizedPnL, the owner's own shares included
    realised_today: Decimal | None = None  # RealizedPnL, which IB counts anew every day
    base_currency: str | None = None  # the account's own, where it is not USD …
    base_cash: Decimal | None = None  # … and all its cash in that currency
    daily_pnl: Decimal | None = None  # IB's own, the owner's shares included: shown, never compared with a limit

    @property
    def spendable(self) -> Decimal | None:
        """USD cash a BUY may use: capped by settled cash in a cash account. None: not known, so no BUY."""
        if not self.is_cash_account or self.cash is None:
            return self.cash
        return None if self.settled_cash is None else min(self.cash, self.settled_cash)


@dataclass(frozen=True, slots=True)
class BrokerPosition:
    """A position at IB: the bot's and the owner's own shares together."""

    con_id: int
    ticker: str
    qty: Decimal
    avg_cost: Decimal | None
    market_price: Decimal | None


@dataclass(frozen=True, slots=True)
class Order:
    """An order to be sent: SMART, USD; a market order for the day unless its terms say otherwise."""

    order_ref: str
    contract: Contract
    side: Side
    qty: Decimal
    terms: Terms = MARKET_DAY
    parent_id: int = 0  # the order id, of this client, of the order that it is attached to
    oca_group: str = ""  # what one of a group fills is taken off the others


@dataclass(frozen=True, slots=True)
class Numbered:
    """An order with the id that it goes to the gateway under."""

    order: Order
    order_id: int


@dataclass(frozen=True, slots=True)
class Margin:
    """IB's answer to what a BUY would lead to; nothing was ordered. In the account's own currency; None: not told."""

    qty: Decimal
    margin: Decimal | None = None  # the account's initial margin afterwards
    equity: Decimal | None = None  # what it has for that, with loan value
    refused: tuple[int, str] | None = None  # IB's code and words, where it would not take the order


class OrderState(StrEnum):
    """IB's order statuses, folded into what the books need to know."""

    WORKING = "working"  # PreSubmitted, Submitted, PendingSubmit, PendingCancel, ApiPending
    FILLED = "filled"
    CANCELLED = "cancelled"  # Cancelled, ApiCancelled
    INACTIVE = "inactive"  # rejected, or held: needs a second look


@dataclass(frozen=True, slots=True)
class OrderReport:
    """An order as IB shows it, from any client. Completed orders carry no order id (0) and no client id (None)."""

    order_ref: str
    order_id: int
    perm_id: int
    client_id: int | None
    con_id: int
    ticker: str
    side: Side
    qty: Decimal
    filled: Decimal | None
    state: OrderState
    ib_status: str  # IB's own word
    detail: str = ""  # whyHeld, or the completed status' text
    oca_group: str = ""  # orders of one group exclude each other
    parent_id: int = 0  # the order id, with the same client, of the order that it waits for
    terms: Terms | None = None  # None: not told, or of a type that the bot does not place

    @property
    def is_ours(self) -> bool:
        return self.order_ref.startswith(ORDER_REF_PREFIX)


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill. `exec_id` without its last part is the root: a correction has the same root and a higher last part."""

    exec_id: str
    order_ref: str
    order_id: int
    perm_id: int
    con_id: int
    ticker: str
    side: Side
    shares: Decimal
    price: Decimal
    time: datetime
    commission: Decimal | None = None  # None until IB's commission report has come
    realised: Decimal | None = None  # as IB says; None on opening trades

    @property
    def root(self) -> str:
        return self.exec_id.rpartition(".")[0] or self.exec_id

    @property
    def revision(self) -> int:
        last = self.exec_id.rpartition(".")[2]
        return int(last) if last.isdecimal() else 0


# --- what the broker sends by itself, in the order in which it came -------------------------------------------------


@dataclass(frozen=True, slots=True)
class Executed:
    """A fill, or its commission arriving later (the same execution again, with `commission`)."""

    execution: Execution


@dataclass(frozen=True, slots=True)
class OrderUpdate:
    """IB itself showed the order's state (openOrder or orderStatus): never made up by the client library."""

    order: OrderReport


class ErrorKind(StrEnum):
    """How an error about an order is to be taken (IB's message codes)."""

    REJECTED = "rejected"  # 200, 201, 203, 460, 10243 …: IB refuses; a status follows
    CANCELLED = "cancelled"  # 202
    CANCEL_REFUSED = "cancel_refused"  # 135, 161, 10147, 10148: it may have filled
    NOTICE = "notice"  # 399, 10349 …: the order lives
    HELD = "held"  # 404: held for locate
    READ_ONLY = "read_only"  # 321 on an order: Read-Only API
    UNCERTAIN = "uncertain"  # anything else, 103, 383, 451 …: a refusal, or a word about an order that lives


@dataclass(frozen=True, slots=True)
class OrderError:
    """An error message of IB about an order of the bot."""

    order_ref: str
    order_id: int
    code: int
    text: str  # IB's, word for word
    kind: ErrorKind


@dataclass(frozen=True, slots=True)
class Connected:
    """A new connection is up with its initial data. `generation` counts connections; an order is bound to one."""

    generation: int
    account: str
    paper: bool
    server_version: int
    clock_ahead_s: float | None = None  # this machine's clock before the gateway's; None: not told


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection to the gateway ended, or an attempt to connect failed."""

    generation: int
    reason: str
    attempt: int = 0  # consecutive failed attempts to connect so far
    exhausted: bool = False  # the configured attempts are used up: slow retries from here on


@dataclass(frozen=True, slots=True)
class UpstreamLost:
    """1100, 2110: the gateway lost IB's servers; the socket lives."""

    text: str


@dataclass(frozen=True, slots=True)
class UpstreamBack:
    """1101 (data lost) or 1102: IB is back behind the same socket. Fills may have been missed: reconcile."""

    data_lost: bool


@dataclass(frozen=True, slots=True)
class OrdersTaken:
    """The gateway refused orders as read-only and does so no longer. Nothing was asked of it meanwhile: reconcile."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The connection stands but trading must not: no or several accounts, a live account not allowed, client id in use …"""

    reason: str


BrokerEvent = (
    Executed | OrderUpdate | OrderError | Connected | Disconnected | UpstreamLost | UpstreamBack | OrdersTaken | Refused
)
