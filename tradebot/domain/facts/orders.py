"""What happens to orders."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Self

from tradebot.domain.alerts import Side
from tradebot.domain.events import EventKind, Facts, Severity
from tradebot.domain.reasons import Reason
from tradebot.domain.refusals import Fact
from tradebot.domain.terms import MARKET_DAY, Terms
from tradebot.domain.trades import OrderRole, Trade, TradeStatus

_K, _S = EventKind, Severity


@dataclass(frozen=True, slots=True)
class OrderFacts(Facts):
    """An order as it stood after what happened. Not a kind of its own."""

    ticker: str
    side: Side
    order_ref: str
    status: TradeStatus
    requested_qty: Decimal
    filled_qty: Decimal
    avg_fill_price: Decimal | None
    commission: Decimal
    order_terms: Terms | None = field(default=None, kw_only=True)  # None: at market
    protects: OrderRole | None = field(default=None, kw_only=True)  # STOP or TARGET, of an order that protects an entry

    @classmethod
    def of(cls, trade: Trade, **more: Any) -> Self:
        """The facts of this trade, and what this kind knows beyond."""
        return cls(
            ticker=trade.ticker,
            side=trade.side,
            order_ref=trade.order_ref,
            status=trade.status,
            requested_qty=trade.requested_qty,
            filled_qty=trade.filled_qty,
            avg_fill_price=trade.avg_fill_price,
            commission=trade.commission,
            order_terms=None if trade.terms == MARKET_DAY else trade.terms,
            protects=trade.role if trade.is_protective else None,
            **more,
        )


@dataclass(frozen=True, slots=True)
class OrderIntent(OrderFacts):
    """An order was decided and stored; it has not left yet."""

    kind: ClassVar = _K.ORDER_INTENT
    severity: ClassVar = _S.TRACE
    delayed: bool = False  # sized by a quote that is up to 20 minutes old
    sizing: Mapping[str, Fact] = field(default_factory=dict)  # the arithmetic of its quantity (`sizing.Sized.facts`)


@dataclass(frozen=True, slots=True)
class OrderAccepted(OrderFacts):
    """IB has shown the order."""

    kind: ClassVar = _K.ORDER_ACCEPTED
    severity: ClassVar = _S.TRACE


@dataclass(frozen=True, slots=True)
class OrderWaits(OrderFacts):
    """IB has shown an entry that waits there for its price."""

    kind: ClassVar = _K.ORDER_WAITS
    severity: ClassVar = _S.INFO
    ask: Decimal | None  # USD a share, when it was decided


class CancelReason(StrEnum):
    """Why an order at work is cancelled."""

    OVERDUE = "overdue"
    KILLED = "killed"
    SESSION_OVER = "session_over"
    SHORT_LOCATE = "short_locate"
    INACTIVE = "inactive"  # IB lists an exit and does not work on it
    OLDER_ALIVE = "older_alive"  # an older order of its alert is at work after all
    GROUP_IN_PART = "group_in_part"  # IB does not show all orders of its group
    NOTHING_HELD = "nothing_held"  # a protective order, and its shares are sold
    OVER_PROTECTED = "over_protected"  # more would be sold than IB holds, or twice
    NOT_AS_SENT = (
        "not_as_sent"  # IB has shown a protective order with other terms from the beginning: another one follows
    )
    TIME_OVER = "time_over"  # the moment until which it was good has passed, and IB has not ended it
    GROUP_IN_DOUBT = "group_in_doubt"  # it was written with its stop and target, and IB shows none of them
    # what somebody wants, which holds until the order has ended
    REPLACED = "replaced"  # by a newer signal
    EXIT_FIRST = "exit_first"  # its strategy sells the ticker
    CANCEL_ALERT = "cancel_alert"
    FLAT_BY = "flat_by"  # its strategy is to hold nothing by now
    OWNER = "owner"


WANTED = frozenset(
    {
        *(CancelReason.KILLED, CancelReason.REPLACED, CancelReason.EXIT_FIRST),
        *(CancelReason.CANCEL_ALERT, CancelReason.OWNER, CancelReason.NOTHING_HELD),
    }
)
"""The reasons that are somebody's wish, or its consequence, and no trouble."""


@dataclass(frozen=True, slots=True)
class OrderCancelling(OrderFacts):
    """An order at work is being cancelled."""

    kind: ClassVar = _K.ORDER_CANCELLING
    severity: ClassVar = _S.WARNING
    code: CancelReason
    timeout_s: float  # how long an order may work
    by_alert: int | None = None  # that asks for it


@dataclass(frozen=True, slots=True)
class OrderExpires(OrderFacts):
    """IB cancels an order that is good till cancelled with a quarter's end, which is near."""

    kind: ClassVar = _K.ORDER_EXPIRES
    severity: ClassVar = _S.WARNING
    on: date  # the session after which it is gone
    role: OrderRole


@dataclass(frozen=True, slots=True)
class ProtectionLifted(OrderFacts):
    """A stop or target is being cancelled, or made smaller, for an exit is to sell its shares. While that exit goes on, nothing
    protects them anew."""

    kind: ClassVar = _K.PROTECTION_LIFTED
    severity: ClassVar = _S.TRACE
    by_alert: int
    keeps: Decimal = Decimal(0)  # shares that it goes on protecting; 0: it is cancelled


@dataclass(frozen=True, slots=True)
class ExitWorksOn(OrderFacts):
    """An exit is not done after the time in which an entry is cancelled: it works on."""

    kind: ClassVar = _K.EXIT_WORKS_ON
    severity: ClassVar = _S.WARNING
    since: datetime
    timeout_s: float


@dataclass(frozen=True, slots=True)
class OrderTold(Facts):
    """What IB said of an exit's order beside its status, other than a notice."""

    kind: ClassVar = _K.ORDER_TOLD
    severity: ClassVar = _S.TRACE
    ticker: str
    order_ref: str
    code: int  # IB's
    text: str  # IB's, word for word


@dataclass(frozen=True, slots=True)
class ExitArmedAgain(OrderFacts):
    """IB itself ended an exit with shares left: it is sent again. Told once an alert."""

    kind: ClassVar = _K.EXIT_ARMED_AGAIN
    severity: ClassVar = _S.WARNING
    left: Decimal  # shares
    words: str  # IB's
    in_s: float


@dataclass(frozen=True, slots=True)
class ExitWaitsForOpen(OrderFacts):
    """The close cut off an exit with shares left: it waits for the next open."""

    kind: ClassVar = _K.EXIT_WAITS_FOR_OPEN
    severity: ClassVar = _S.WARNING
    left: Decimal  # shares
    opens_at: datetime


class Unprotected(StrEnum):
    """Why shares have no stop that protects them."""

    CANCELLED = "cancelled"  # in TWS, or nobody says by whom
    AS_ASKED = "as_asked"  # by a person, through the bot
    REFUSED = "refused"  # IB does not take it
    NOT_SHOWN = "not_shown"  # IB never showed it
    IN_DOUBT = "in_doubt"  # IB does not show it, and it may live
    NOT_EQUAL = "not_equal"  # IB ended it, and position or average cost are not the books'
    NO_PRICE = "no_price"  # IB ended it, and there is no live bid to place it anew under
    CROSSED = "crossed"  # IB ended it, and the market stands at it or below
    NOT_AT_IB = "not_at_ib"  # IB does not hold so many shares, or other orders sell them
    NOT_AS_SENT = "not_as_sent"  # IB works it otherwise than it was sent, twice
    NOT_TRIGGERED = "not_triggered"  # it works, the market has crossed it, and it does not fill


@dataclass(frozen=True, slots=True)
class SharesUnprotected(OrderFacts):
    """Shares that no stop protects, or that a stop does not get sold. About the last stop that there was."""

    kind: ClassVar = _K.SHARES_UNPROTECTED
    severity: ClassVar = _S.CRITICAL
    code: Unprotected
    left: Decimal  # shares
    role: str
    terms: str  # the stop's, in IB's words
    entry_id: int  # the trade that bought them
    words: str = ""  # IB's, where it refused or ended it

    @property
    def may_be_protected_again(self) -> bool:
        """Where it is the owner's to decide."""
        return self.code in (
            Unprotected.CANCELLED,
            Unprotected.AS_ASKED,
            Unprotected.REFUSED,
            Unprotected.NOT_SHOWN,
            Unprotected.NOT_EQUAL,
        )


@dataclass(frozen=True, slots=True)
class ProtectionPlaced(OrderFacts):
    """A stop or target was placed anew, as an order of its own."""

    kind: ClassVar = _K.PROTECTION_PLACED
    severity: ClassVar = _S.WARNING
    role: str
    terms: str  # in IB's words


class Changed(StrEnum):
    """Why a protective order became another one."""

    CUT = "cut"  # fewer shares are held
    RAISED = "raised"  # more shares are held
    BREAK_EVEN = "break_even"
    BY_OWNER = "by_owner"  # in TWS
    NOT_SENT = "not_sent"  # the change before certainly did not leave: it is as it was
    NOT_TAKEN = "not_taken"  # IB shows it as it was before


@dataclass(frozen=True, slots=True)
class ProtectionChanged(OrderFacts):
    """A stop or target has another size or other prices: of the bot's own accord stored before it is written."""

    kind: ClassVar = _K.PROTECTION_CHANGED
    severity: ClassVar = _S.INFO
    code: Changed
    role: str
    before: str  # size and terms, in IB's words
    after: str
    was: Terms | None = None  # before; `order_terms` and `requested_qty` are those after it
    was_qty: Decimal | None = None


class Stuck(StrEnum):
    """Why an order neither works nor ends."""

    INACTIVE = "inactive"  # IB lists it so, and gives no reason
    CANCEL_UNANSWERED = "cancel_unanswered"
    EXIT_WAITS = "exit_waits"  # a stop or target whose cancel is not answered: an exit waits for it


@dataclass(frozen=True, slots=True)
class OrderStuck(OrderFacts):
    """An order neither works nor ends, and only a person can end it."""

    kind: ClassVar = _K.ORDER_STUCK
    severity: ClassVar = _S.CRITICAL
    code: Stuck
    perm_id: int | None
    for_s: float


@dataclass(frozen=True, slots=True)
class PartialFill(OrderFacts):
    """A part of an order has filled, and the rest works on."""

    kind: ClassVar = _K.PARTIAL_FILL
    severity: ClassVar = _S.INFO


@dataclass(frozen=True, slots=True)
class BuyFilled(OrderFacts):
    """A BUY has ended with all or a part of it filled."""

    kind: ClassVar = _K.BUY_FILLED
    severity: ClassVar = _S.INFO
    commission_known: bool
    took_s: float | None  # from the alert to the last fill; None: IB's clock is too coarse to tell
    delayed: bool = False  # sized by a quote that was up to 20 minutes old
    sizing: Mapping[str, Fact] = field(default_factory=dict)  # as decided, see `OrderIntent`


@dataclass(frozen=True, slots=True)
class SellFilled(OrderFacts):
    """A SELL has ended with all or a part of it filled."""

    kind: ClassVar = _K.SELL_FILLED
    severity: ClassVar = _S.INFO
    commission_known: bool
    took_s: float | None  # from the alert to the last fill; None: IB's clock is too coarse to tell
    pnl: Decimal  # of the lots that it closed, USD
    left: Decimal | None = None  # shares that stay held after a partial exit; None: it was none
    cost: Decimal | None = None  # of the shares of these lots, without commission, USD
    held_s: float | None = None  # from the first of these lots' fills to the last sale


@dataclass(frozen=True, slots=True)
class ProtectionFilled(OrderFacts):
    """A stop or target has ended with all or a part of it filled. Not a kind of its own."""

    commission_known: bool
    pnl: Decimal  # of the lots that it closed, USD
    cost: Decimal  # of their shares, without commission, USD
    left: Decimal  # open shares of its entry
    held_s: float | None = None  # from the first of these lots' fills to the last sale


@dataclass(frozen=True, slots=True)
class StoppedOut(ProtectionFilled):
    """A stop has sold."""

    kind: ClassVar = _K.STOPPED_OUT
    severity: ClassVar = _S.INFO


@dataclass(frozen=True, slots=True)
class TargetReached(ProtectionFilled):
    """A target has sold."""

    kind: ClassVar = _K.TARGET_REACHED
    severity: ClassVar = _S.INFO


@dataclass(frozen=True, slots=True)
class ProtectionWorks(OrderFacts):
    """An entry has filled, and everything that protects it is at IB. About the entry."""

    kind: ClassVar = _K.PROTECTION_WORKS
    severity: ClassVar = _S.INFO
    stop: Terms | None
    target: Terms | None


@dataclass(frozen=True, slots=True)
class ProtectionEnded(OrderFacts):
    """A stop or target has ended unfilled, as it does when its shares are sold otherwise. What that leaves is not known here."""

    kind: ClassVar = _K.PROTECTION_ENDED
    severity: ClassVar = _S.TRACE


@dataclass(frozen=True, slots=True)
class SoldBeyond(OrderFacts):
    """A SELL has sold more than the books held, as when a stop and its target both fill. Only a person buys it back."""

    kind: ClassVar = _K.SOLD_BEYOND
    severity: ClassVar = _S.CRITICAL
    beyond: Decimal  # shares


class OrderEnd(StrEnum):
    """How an order ended without a fill."""

    REJECTED = "rejected"  # and IB has shown the order
    REJECTED_UNSEEN = "rejected_unseen"  # and IB shows it nowhere
    NOT_SENT = "not_sent"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class OrderFailed(OrderFacts):
    """An order has ended unfilled."""

    kind: ClassVar = _K.ORDER_FAILED
    severity: ClassVar = _S.WARNING
    code: OrderEnd
    reason: Reason | str | None = None  # IB's words are text


@dataclass(frozen=True, slots=True)
class OrderJudgedAgain(OrderFacts):
    """An order certainly did not leave: its alert is judged again, and gets another order."""

    kind: ClassVar = _K.ORDER_JUDGED_AGAIN
    severity: ClassVar = _S.TRACE
    code: str  # the reason's: a ReasonCode
    reason: Reason
    times: int  # that this has happened to the alert


@dataclass(frozen=True, slots=True)
class OrderHeldUp(OrderFacts):
    """So many orders of an alert could not leave, one after the other. The alert is still judged again."""

    kind: ClassVar = _K.ORDER_HELD_UP
    severity: ClassVar = _S.WARNING
    code: str  # the last reason's
    reason: Reason
    times: int


@dataclass(frozen=True, slots=True)
class OrderUnknown(OrderFacts):
    """Whether an order is at IB, or how it ended, is not known."""

    kind: ClassVar = _K.ORDER_UNKNOWN
    severity: ClassVar = _S.CRITICAL
    reason: Reason | str


class Resolution(StrEnum):
    """What became of an order that was UNKNOWN, or had been taken for ended."""

    ALIVE = "alive"  # booked as ended, and IB shows it at work
    WORKING = "working"
    REJECTED = "rejected"
    REJECTED_UNSEEN = "rejected_unseen"
    NOT_SENT = "not_sent"
    CANCELLED = "cancelled"
    FILLED_BY_OWNER = "filled_by_owner"  # on the owner's word, at a price that is an estimate
    ENDED_BY_OWNER = "ended_by_owner"


@dataclass(frozen=True, slots=True)
class OrderResolved(OrderFacts):
    """What became of an in-doubt order is known now."""

    kind: ClassVar = _K.ORDER_RESOLVED
    severity: ClassVar = _S.INFO
    code: Resolution
    before: TradeStatus
    reason: Reason | str | None = None  # IB's words, or where an estimated price comes from, are text


@dataclass(frozen=True, slots=True)
class BooksCorrected(OrderFacts):
    """IB changed an ended order's executions."""

    kind: ClassVar = _K.BOOKS_CORRECTED
    severity: ClassVar = _S.INFO
    filled_qty_before: Decimal
    avg_fill_price_before: Decimal | None
