"""Facts to store, send and say: one of every kind, each with something in every field."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tradebot.domain.alerts import Side
from tradebot.domain.analytics.thresholds import Threshold
from tradebot.domain.api_access import Scope
from tradebot.domain.corporate_actions import Split
from tradebot.domain.event_groups import EventGroup, Telling
from tradebot.domain.events import EventKind, Facts
from tradebot.domain.facts import account as c
from tradebot.domain.facts import alerts as a
from tradebot.domain.facts import daemon as d
from tradebot.domain.facts import orders as o
from tradebot.domain.facts import performance as p
from tradebot.domain.limits import Limits
from tradebot.domain.positions import Position
from tradebot.domain.questions import Question
from tradebot.domain.reasons import Reason
from tradebot.domain.refusals import Fact
from tradebot.domain.settings import TradingState
from tradebot.domain.terms import OrderType, Terms, TimeInForce
from tradebot.domain.trades import OrderRole, TradeStatus

NOON = datetime(2026, 11, 20, 17, tzinfo=UTC)
SIZING: dict[str, Decimal | int | str] = {
    "size_kind": "shares",
    "size_value": Decimal(40),
    "asked": Decimal(40),
    "sized": Decimal(10),
    "lowered_by": "max_order_value_usd",
    "room": Decimal("1900.50"),
}
"""The arithmetic of a BUY of 40 shares of which a limit has left 10."""

LIMIT = Terms(OrderType.LIMIT, limit_price=Decimal(187), tif=TimeInForce.GTD, good_till=NOON + timedelta(days=1))
STOP = Terms(OrderType.STOP, stop_price=Decimal(195), tif=TimeInForce.GTC)
TARGET = Terms(OrderType.LIMIT, limit_price=Decimal(220), tif=TimeInForce.GTC)


def order(ticker: str = "AAPL", **changes: Any) -> dict[str, Any]:
    """The facts that every event about an order has: of a BUY of 10 that filled."""
    return {
        "ticker": ticker,
        "side": Side.BUY,
        "order_ref": "tb-1-0badcafe",
        "status": TradeStatus.FILLED,
        "requested_qty": Decimal(10),
        "filled_qty": Decimal(10),
        "avg_fill_price": Decimal("187.3215"),
        "commission": Decimal("1.00"),
        **changes,
    }


def bought(ticker: str = "AAPL", **changes: Any) -> o.BuyFilled:
    return o.BuyFilled(**order(ticker, **changes), commission_known=True, took_s=0.87)


def report(**changes: Any) -> d.DailyReport:
    """Of a day with figures everywhere."""
    figures: dict[str, Any] = {
        "session": date(2026, 11, 20),
        "early_close": None,
        "buys": 3,
        "sells": 2,
        "commissions": Decimal(5),
        "gross": Decimal(15),
        "net": Decimal(11),
        "by_ticker": {"AAPL": Decimal(18), "MSFT": Decimal(-7)},
        "closed": 2,
        "wins": 1,
        "written_off": 0,
        "best": d.TickerPnl("AAPL", Decimal(18)),
        "worst": d.TickerPnl("MSFT", Decimal(-7)),
        "unrealised": Decimal("-3.5"),
        "unrealised_unknown": ("KO",),
        "positions": (
            d.ReportedPosition("KO", Decimal(5), Decimal(500), None),
            d.ReportedPosition("F", Decimal(40), Decimal(480), Decimal("11.9125")),
        ),
        "blocked": {"cash": 2},
        "failed": 1,
        "waiting": 3,
        "cash": Decimal(100_000),
        "equity": None,
        "state": TradingState.PAUSED,
        "limits": Limits(max_daily_buys=7),
        "open_positions": 2,
        "invested": Decimal(980),
        "buys_today": 3,
        "lost_today": Decimal(0),
        "series": (
            d.SessionPoint(date(2026, 11, 19), Decimal(4), Decimal("99990.10")),
            d.SessionPoint(date(2026, 11, 20), Decimal(11), None),
        ),
    }
    return d.DailyReport(**{**figures, **changes})


def a_period(**changes: Any) -> dict[str, Any]:
    """The figures of a week, with one in every field."""
    figures: dict[str, Any] = {
        "first": date(2026, 11, 16),
        "last": date(2026, 11, 22),
        "sessions": 5,
        "net": Decimal("123.45"),
        "closed": 12,
        "won": 8,
        "commissions": Decimal(24),
        "best": d.TickerPnl("AAPL", Decimal(80)),
        "worst": d.TickerPnl("MSFT", Decimal(-31)),
        "equity": Decimal("101234.50"),
        "flows": Decimal(5000),
        "earned": 0.0123,
        "spy": -0.004,
        "drawdown": 0.021,
        "slippage_bps": 4.2,
        "in_time": 0.9975,
        "orders": 400,
        "series": (
            d.SessionPoint(date(2026, 11, 19), Decimal(4), Decimal("99990.10")),
            d.SessionPoint(date(2026, 11, 20), Decimal("119.45"), None),
        ),
        "by_strategy": (p.StrategyPeriod("ema", Decimal(100), 9, 7), p.StrategyPeriod("rsi", Decimal("23.45"), 3, 1)),
    }
    return {**figures, **changes}


def a_split(ticker: str = "AAPL", **changes: Any) -> Split:
    """10 for 1, without a share left over."""
    figures: dict[str, Any] = {
        "ticker": ticker,
        "con_id": 265598,
        "booked": Decimal(10),
        "cost": Decimal(100),
        "new_con_id": 265598,
        "at_ib": Decimal(100),
        "avg_cost": Decimal(10),
        "new": 10,
        "old": 1,
    }
    return Split(**(figures | changes))


def every_kind(ticker: str = "AAPL") -> Mapping[EventKind, Facts]:
    """One of each, about this ticker where it is about one."""
    side = Side.SELL
    facts: tuple[Facts, ...] = (
        a.AlertStored(ticker, side, Decimal("187.30"), "52.89.214.238"),
        a.AlertRejected(f"The message is no JSON: {ticker}.", None),
        a.AlertConflict(ticker, side, f"key {ticker}", 7, "MSFT", Side.BUY, "52.89.214.238"),
        a.AlertRepeated(ticker, side, "Long", 7, 86_400.0),
        a.AlertUnreadable("The message has curly quotes.", "52.89.214.238", 3),
        a.AlertTested("AAPL", Side.BUY, ("Buys 2 AAPL", "It would leave now."), "ema"),
        a.FieldsNotUsed("AAPL", Side.BUY, ("interval", "extras"), "traderspost", "ema"),
        a.AlertPending(ticker, side, "market_closed", {"opens_at": "2026-11-23T14:30:00+00:00"}),
        a.AlertBlocked(ticker, Side.BUY, "max_daily_buys", {"count": 50, "limit": 50}, ("kill_switch", "cash")),
        a.AlertAtTarget(ticker, side, "at_target", {"ticker": ticker, "held": Decimal(0), "strategy": "ema"}),
        a.EntriesCancelled(ticker, side, "entries_cancelled", _cancelled(ticker)),
        a.TargetGap(ticker, "ema", Decimal(100), Decimal(0)),
        a.AlertFailed(ticker, side, "no_contract", {"ticker": ticker, "detail": f"IB knows no stock {ticker}"}),
        a.AlertExpired(ticker, side, 345_600.0),
        a.AlertCleared(ticker, side),
        *_of_orders(ticker, side),
        *_of_account(ticker),
        *_of_daemon(),
    )
    return {one.kind: one for one in facts}


def _of_account(ticker: str) -> tuple[Facts, ...]:
    position, split = Position(ticker, 265598, Decimal(5), Decimal(3)), a_split(ticker)
    return (
        c.WrittenOff(ticker, Decimal(2)),
        c.WrittenOff(ticker, Decimal(2), "ema", Decimal(3)),
        c.ExitIncomplete(ticker, Decimal(3), c.ExitLeft.REFUSED, "IB 201: no"),
        c.ExitsHeldBack((c.HeldBack(ticker, Decimal(3)), c.HeldBack("MSFT", Decimal(2)))),
        c.OrphanOrder((f"tb-77-{ticker}", "tb-78-0badcafe")),
        c.Mismatch(position),
        c.OwnerHoldings(Position(ticker, 265598, Decimal(0), Decimal(3))),
        c.SplitSeen(split),
        c.SplitBooked(split),
        c.SplitDenied(split),
        c.Renamed(ticker, "NEW", 265598),
        c.PositionsCompared((position,)),
        c.StateChanged(TradingState.RUNNING, TradingState.KILLED),
        c.StateChanged(TradingState.RUNNING, TradingState.PAUSED, "ema"),
        c.SettingChanged("max_daily_loss", Decimal(1000), Decimal("750.50")),
        c.SettingChanged("max_daily_loss", None, Decimal("750.50"), "ema"),
        c.TickerBlock(ticker, blocked=True),
        c.TickerBlock(ticker, blocked=False),
        c.TellingChanged(EventGroup.FILLS, Telling.ON, Telling.SILENT),
        c.Reassigned("ema", "rsi", (c.Moved(ticker, Decimal("12.5"), 3, 4), c.Moved("MSFT", Decimal(0), 1, 2))),
        c.BrokerConnected("DU1234567", paper=True, away_s=62.0),
        c.BrokerLost(31.0, "the gateway did not answer the question for positions within 10 s"),
        c.BrokerUnreachable(50, "connection refused"),
        c.TradingRefused("other_account", {"own": "U1", "account": "U2"}),
        c.TradingAllowed(),
        c.QuestionSilent(Question.EXECUTIONS, NOON, empty=False),
        c.QuestionAnswered(Question.EXECUTIONS, NOON),
        c.ClockOff(-30.0),
        c.GateOpened(),
    )


def _of_daemon() -> tuple[Facts, ...]:
    slots = (NOON - timedelta(days=1), NOON)
    return (
        d.ApiTokenChanged("5f3a9c0d1e2b", "grafana", Scope.READ, revoked=False),
        d.MarketOpen(date(2026, 11, 20), NOON, "Thanksgiving", sells=2, buys=1, expired=1),
        report(by_strategy=(d.StrategyDay("ema", 3, 2, Decimal(11), 2, 1, 1, Decimal("-3.5")),)),
        p.WeeklyReport(**a_period()),
        p.MonthlyReport(**a_period(by_strategy=(), spy=None, in_time=None)),
        p.ThresholdCrossed(Threshold.LOSS_STREAK, "ema", 5.0, 5.0),
        p.ThresholdBack(Threshold.IN_TIME, None, 99.4, 99.0, NOON - timedelta(days=2)),
        d.HealthFailing("queue", NOON - timedelta(hours=1), ("Redis does not answer",)),
        d.HealthBack("queue", NOON - timedelta(hours=1)),
        d.ChannelFailing("team", NOON - timedelta(minutes=5), "HTTP 500", is_given_up=False),
        d.ChannelBack("team", NOON - timedelta(hours=1)),
        d.LoginReminder(NOON, NOON + timedelta(days=7), NOON + timedelta(days=1), connected=True, since=None),
        d.JobFailed("position_sync", slots[:1], d.JobFailure.TIMEOUT, "60 s", NOON),
        d.JobMissed("position_sync", slots),
        d.ComponentStuck("booking", 125.0, restarts=True),
        d.QueueJunk("Redis", 3),
        d.Started("0.2.0", "127.0.0.1:4002", paper=True),
        d.Stopped("0.2.0", None, paper=None),
    )


def _cancelled(ticker: str) -> Mapping[str, Fact]:
    return {"ticker": ticker, "orders": 1, "alerts": 2, "filled": Decimal(3), "unknown": 1}


def _of_orders(ticker: str, side: Side) -> tuple[Facts, ...]:
    stop = {"order_terms": STOP, "protects": OrderRole.STOP}
    target = {"order_terms": TARGET, "protects": OrderRole.TARGET}
    sold: dict[str, Any] = {"commission_known": True, "pnl": Decimal("-19.68"), "cost": Decimal("787.2")}
    return (
        o.OrderIntent(**order(ticker, status=TradeStatus.SUBMITTING), sizing=SIZING),
        o.OrderAccepted(**order(ticker, avg_fill_price=None)),
        o.OrderWaits(**order(ticker, order_terms=LIMIT, avg_fill_price=None), ask=Decimal("190.10")),
        o.OrderCancelling(**order(ticker), code=o.CancelReason.OVERDUE, timeout_s=30.0),
        o.ProtectionLifted(**order(ticker, side=side), by_alert=7),
        o.SharesUnprotected(
            **order(ticker, side=Side.SELL),
            code=o.Unprotected.CANCELLED,
            left=Decimal(10),
            role="STOP",
            terms="STP 180 GTC",
            entry_id=7,
            words="IB 202: Order Canceled - reason:",
        ),
        o.ProtectionPlaced(**order(ticker, side=Side.SELL), role="STOP", terms="STP 180 GTC"),
        o.ProtectionChanged(
            **order(ticker, side=Side.SELL),
            code=o.Changed.BREAK_EVEN,
            role="STOP",
            before="10 STP 180 GTC",
            after="10 STP 187.32 GTC",
            was=STOP,
            was_qty=Decimal(10),
        ),
        o.OrderExpires(**order(ticker), on=date(2026, 12, 31), role=OrderRole.STOP),
        o.ExitWorksOn(**order(ticker, side=side), since=NOON - timedelta(minutes=5), timeout_s=30.0),
        o.OrderTold(ticker, "tb-1-0badcafe", 202, "Order Canceled - reason:"),
        o.ExitArmedAgain(**order(ticker, side=side), left=Decimal(3), words="IB 202: by exchange", in_s=10.0),
        o.ExitWaitsForOpen(**order(ticker, side=side), left=Decimal(3), opens_at=NOON + timedelta(days=3)),
        o.OrderStuck(**order(ticker), code=o.Stuck.CANCEL_UNANSWERED, perm_id=1234567, for_s=120.0),
        o.PartialFill(**order(ticker, filled_qty=Decimal("0.2542"))),
        bought(ticker),
        o.SellFilled(
            **order(ticker, side=side),
            commission_known=False,
            took_s=65.0,
            pnl=Decimal("-2.16"),
            left=Decimal(2),
            cost=Decimal("787.2"),
            held_s=180_000.0,
        ),
        o.StoppedOut(**order(ticker, side=side, **stop), **sold, left=Decimal(0), held_s=7_300.0),
        o.TargetReached(**order(ticker, side=side, **target), **sold, left=Decimal(6)),
        o.SoldBeyond(**order(ticker, side=side, **target), beyond=Decimal(10)),
        o.ProtectionWorks(**order(ticker), stop=STOP, target=TARGET),
        o.ProtectionEnded(**order(ticker, side=side, **stop, filled_qty=Decimal(0), avg_fill_price=None)),
        o.OrderFailed(**order(ticker), code=o.OrderEnd.NOT_SENT, reason=Reason("too_late", {"within_s": 5})),
        o.OrderJudgedAgain(**order(ticker), code="throttled", reason=Reason("throttled"), times=1),
        o.OrderHeldUp(**order(ticker), code="too_late", reason=Reason("too_late", {"within_s": 5}), times=3),
        o.OrderUnknown(**order(ticker), reason=Reason("not_shown", {"before": Decimal("0.50"), "now": Decimal(3)})),
        o.OrderResolved(**order(ticker), code=o.Resolution.WORKING, before=TradeStatus.UNKNOWN, reason=None),
        o.BooksCorrected(**order(ticker), filled_qty_before=Decimal(8), avg_fill_price_before=Decimal("187.5")),
    )
