"""Every kind of event is said, and as a person needs it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.facts import NOON, a_split, bought, every_kind, order, report
from tradebot.domain.alerts import Side
from tradebot.domain.api_access import Scope
from tradebot.domain.event_groups import EventGroup, Telling
from tradebot.domain.events import Event, EventKind, Facts, NewEvent, OtherFacts, Severity
from tradebot.domain.facts import FACTS
from tradebot.domain.facts import account as c
from tradebot.domain.facts import alerts as a
from tradebot.domain.facts import daemon as d
from tradebot.domain.facts import orders as o
from tradebot.domain.positions import Position
from tradebot.domain.reasons import Reason
from tradebot.domain.settings import TradingState
from tradebot.domain.strategies import Strategies, Strategy
from tradebot.domain.trades import TradeStatus
from tradebot.words import events as words
from tradebot.words.told import told


def said(facts: Facts, actor: str = "bot") -> str:
    return words.text(NewEvent(facts, NOON, alert_id=4, actor=actor))


def test_every_kind_has_facts_severity_and_words_and_nothing_else_has() -> None:
    """Something would happen that cannot be stored, delivered or said."""
    assert set(FACTS) == set(EventKind) == set(words.WORDS)
    assert all(facts.kind is kind and facts.severity in Severity for kind, facts in FACTS.items())
    assert set(every_kind()) == set(EventKind), "the samples of the tests have every kind"


@pytest.mark.parametrize("facts", every_kind("BRK B").values(), ids=lambda facts: facts.kind)
def test_a_text_is_sentences(facts: Facts) -> None:
    """A message would show a constant, a None or the inside of the program."""
    text = said(facts, actor="Ann")
    assert text[0].isupper() or text.startswith("tradebot ")
    assert text.endswith((".", "?")) or "\n" in text, text
    assert "None" not in text
    assert "Decimal" not in text
    ticker = getattr(facts, "ticker", None)
    assert ticker is None or ticker in text


SENTENCES: list[tuple[Facts, str]] = [
    (bought(), "Bought 10 AAPL at $187.3215 = $1,873.22, commission $1.00, 0.87 s after the alert."),
    (
        o.SellFilled(
            **order(side=Side.SELL, status=TradeStatus.PARTIAL, filled_qty=Decimal(4), avg_fill_price=Decimal(90)),
            commission_known=False,
            took_s=65,
            pnl=Decimal("-41.5"),
        ),
        "Sold 4 of 10 AAPL at $90.00 = $360.00, P&L −$41.50, commission not reported yet, 1 min 5 s after the alert. "
        "The rest was cancelled.",
    ),
    (
        o.OrderFailed(**order(), code=o.OrderEnd.REJECTED_UNSEEN, reason="IB 103: Duplicate order id."),
        "BUY 10 AAPL was rejected by IB 103: Duplicate order id. No order is at IB. Another program uses tradebot's client id, "
        "or the gateway's order ids went back: give tradebot a client_id of its own under [broker] while no order works, and "
        "restart it.",
    ),
    (
        o.OrderFailed(**order(), code=o.OrderEnd.REJECTED, reason="IB 201: no margin"),
        "BUY 10 AAPL was rejected by IB 201: no margin. Nothing was bought.",
    ),
    (
        o.OrderFailed(**order(), code=o.OrderEnd.REJECTED_UNSEEN, reason="IB 200: no such contract"),
        "BUY 10 AAPL was rejected by IB 200: no such contract. No order is at IB.",
    ),
    (
        o.OrderResolved(**order(side=Side.SELL), code=o.Resolution.CANCELLED, before=TradeStatus.UNKNOWN),
        "SELL 10 AAPL was cancelled before anything filled. Nothing was sold.",
    ),
    (
        o.OrderResolved(**order(), code=o.Resolution.ALIVE, before=TradeStatus.FAILED),
        "BUY 10 AAPL was booked as FAILED, but IB shows it alive (order tb-1-0badcafe). You will be notified of its end.",
    ),
    (
        o.OrderResolved(**order(), code=o.Resolution.ENDED_BY_OWNER, before=TradeStatus.UNKNOWN),
        "BUY 10 AAPL is ended on the word of Ann: no more of it filled.",
    ),
    (
        o.OrderJudgedAgain(**order(), code="throttled", reason=Reason("throttled"), times=1),
        "BUY 10 AAPL did not leave: IB's message limit is reached: the order would have left later, unchecked. "
        "Its alert is judged again.",
    ),
    (
        o.OrderHeldUp(**order(), code="too_late", reason=Reason("too_late", {"within_s": 5}), times=3),
        "BUY 10 AAPL could not leave, 3 times now: storing the decision took longer than 5 s. No order is at IB. It is judged "
        "again, at most every 30 s, until it leaves or is older than max_alert_age_s. See /health, and whether IB Gateway and "
        "the database answer quickly.",
    ),
    (
        o.OrderUnknown(**order(), reason="IB shows neither the order nor its end."),
        "BUY 10 AAPL may or may not have reached IB: IB shows neither the order nor its end. AAPL is frozen until this is "
        "resolved (SELL waits, BUY is blocked). Look for order tb-1-0badcafe in TWS; it is asked for again every minute.",
    ),
    (
        o.OrderCancelling(**order(), code=o.CancelReason.KILLED, timeout_s=30),
        "BUY 10 AAPL is being cancelled: the kill switch is on. What filled is booked.",
    ),
    (
        o.BooksCorrected(**order(), filled_qty_before=Decimal(0), avg_fill_price_before=None),
        "IB changed the books of BUY 10 AAPL after its end: 0 at $0.00 is now 10 at $187.3215. Lots and P&L are rewritten.",
    ),
    (
        a.AlertFailed("AAPL", Side.BUY, "internal_error", {"detail": "KeyError"}),
        "Alert 4 failed: internal error, no order was made (KeyError). Please report it; the log has the details.",
    ),
    (
        a.AlertExpired("AAPL", Side.BUY, 345_600),
        "BUY AAPL expired: it waited longer than 4 d for the market to open (trading.pending_max_age_h). Nothing was ordered.",
    ),
    (
        c.WrittenOff("AAPL", Decimal(2)),
        "Accepted by Ann: 2 AAPL are written off, since IB shows fewer than the books held. Their P&L is not known and counts "
        "nowhere. BUY of AAPL is free again.",
    ),
    (
        c.OwnerHoldings(Position("KO", 1, Decimal(5), Decimal(20))),
        "KO: IB shows 20 shares, 5 of them the bot's. The rest is your own and is never touched. Was there a split, 4 for 1?",
    ),
    (
        c.SplitSeen(
            a_split(booked=Decimal(5), at_ib=Decimal(7), avg_cost=Decimal("66.6667"), new=3, old=2, new_con_id=9)
        ),
        "AAPL: 5 @ $100.00 → 7 @ $66.6667 (3 for 2, 0.5 left over, contract 265598 → 9). The books have the first, IB shows the "
        "second, for the same money: it looks like a split, 3 for 2. The SELL waits until you say whether it was one: look at "
        "TWS, then press the button, or run `tradebot split AAPL`.",
    ),
    (
        c.SplitSeen(a_split(at_ib=Decimal(10), avg_cost=Decimal(100), new=1, new_con_id=9)),
        "AAPL: 10 @ $100.00 → 10 @ $100.00 (1 for 1, contract 265598 → 9). The books have the first, IB shows the second, for "
        "the same money: it looks like a new contract of the same stock. The SELL waits until you say whether it was one: look "
        "at TWS, then press the button, or run `tradebot split AAPL`.",
    ),
    (
        c.SplitBooked(a_split()),
        "AAPL: booked on the word of Ann: 10 @ $100.00 → 100 @ $10.00 (10 for 1). Lots and P&L count in the new "
        "shares; what waited goes on.",
    ),
    (
        c.SplitDenied(a_split()),
        "AAPL: no split, on the word of Ann (10 @ $100.00 → 100 @ $10.00 (10 for 1)). The books stay as they are, and the "
        "difference from IB is treated as any other.",
    ),
    (
        c.Renamed("AAPL", "NEWCO", 265598),
        "AAPL is called NEWCO at IB now (contract 265598). The bot's shares of it stay booked as AAPL until they are sold: a "
        "SELL alert for either name sells them, a BUY needs the new one, and limits count both as one. Change the ticker in "
        "TradingView when you like.",
    ),
    (
        c.StateChanged(TradingState.RUNNING, TradingState.PAUSED),
        "Paused: BUY alerts are blocked, SELL alerts are executed. Resume with `tradebot resume`. "
        "Was RUNNING; changed by Ann.",
    ),
    (
        c.StateChanged(TradingState.PAUSED, TradingState.RUNNING, still_paused=("ema", "swing")),
        "Trading resumed: BUY and SELL alerts are executed. Still paused by name: ema, swing "
        "(`tradebot resume --strategy ema`). Was PAUSED; changed by Ann.",
    ),
    (
        d.ApiTokenChanged("5f3a9c0d1e2b", "grafana", Scope.READ, revoked=False),
        "Ann made API token 5f3a9c0d1e2b (grafana) with scope read. Not you? `tradebot token revoke 5f3a9c0d1e2b`.",
    ),
    (
        d.ApiTokenChanged("5f3a9c0d1e2b", "grafana", Scope.TRADE, revoked=True),
        "Ann revoked API token 5f3a9c0d1e2b (grafana): it opens nothing any more.",
    ),
    (
        c.TellingChanged(EventGroup.FILLS, Telling.ON, Telling.OFF),
        "The chat is told of fills: on → off, by Ann.",
    ),
    (c.TickerBlock("AAPL", blocked=True), "No BUY of AAPL until /unblock AAPL in the chat. Blocked by Ann."),
    (c.TickerBlock("AAPL", blocked=False), "BUY of AAPL is free again, by Ann."),
    (c.SettingChanged("max_daily_loss", Decimal(1000), Decimal(750)), "Daily loss: $1,000.00 → $750.00, by Ann."),
    (c.SettingChanged("max_open_positions", Decimal(200), Decimal(2)), "Open positions: 200 → 2, by Ann."),
    (
        c.SettingChanged("max_daily_buys", None, Decimal(2), "ema"),
        "Buys a day of strategy ema: none of its own → 2, by Ann.",
    ),
    (
        c.StateChanged(TradingState.RUNNING, TradingState.PAUSED, "ema"),
        "Strategy ema is paused: its BUY alerts are blocked, its SELL alerts are executed. Resume with "
        "`tradebot resume --strategy ema`. Changed by Ann.",
    ),
    (
        c.StateChanged(TradingState.PAUSED, TradingState.RUNNING, "ema"),
        "Strategy ema resumed: its BUY and SELL alerts are executed. Changed by Ann.",
    ),
    (
        c.Reassigned("ema", "rsi", (c.Moved("AAPL", Decimal("12.5"), 3, 1), c.Moved("KO", Decimal(0), 1, 2))),
        "What strategy ema has traded of these is strategy rsi's now: AAPL: 12.5 shares held, 3 orders, 1 alert; "
        "KO: 0 shares held, 1 order, 2 alerts. Changed by Ann.",
    ),
    (c.BrokerConnected("U1", paper=False, away_s=None), "Connected to the broker: LIVE account, REAL MONEY U1."),
    (
        c.BrokerConnected(None, None, 62.0),
        "IB is back after 1 min 2 s. Orders and positions are being compared.",
    ),
    (
        d.HealthFailing("broker", NOON - timedelta(hours=1), (), disconnected=True),
        "IB is not well for 1 h: it is not connected. Alerts are stored and wait. Is IB Gateway running and logged in? It wants "
        "a login by hand once a week.",
    ),
    (d.HealthBack("printer", NOON - timedelta(minutes=4)), "printer is well again; it was not for about 4 min."),
    (
        d.JobMissed("daily_report", tuple(NOON + timedelta(days=n) for n in range(5))),
        "The daily report of Sun 22 Nov 12:00 New York, Mon 23 Nov 12:00 New York, Tue 24 Nov 12:00 New York and 2 before was "
        "missed while the bot was down, and comes too late now.",
    ),
    (
        d.Started("0.2.0", "127.0.0.1:4001", paper=False),
        "tradebot 0.2.0 started on IB Gateway 127.0.0.1:4001, LIVE account, real money. Alerts are taken; orders leave once "
        "the books have been compared with the broker.",
    ),
    (
        d.Stopped("0.2.0", None, paper=None),
        "tradebot 0.2.0 stopped. It was on the simulated gateway; its orders wait for the next start.",
    ),
    (
        d.Stopped("0.2.0", "127.0.0.1:4002", paper=True),
        "tradebot 0.2.0 stopped. It was on IB Gateway 127.0.0.1:4002, paper account; orders at IB live on.",
    ),
]


@pytest.mark.parametrize(("facts", "text"), SENTENCES, ids=lambda one: getattr(one, "kind", ""))
def test_what_people_read(facts: Facts, text: str) -> None:
    """A message would lose a figure, or what to do."""
    assert said(facts, actor="Ann") == text


def test_the_report_says_what_is_not_known() -> None:
    """An unknown figure would be shown as zero, or a written-off lot hide."""
    changes: dict[str, Any] = {"early_close": "Thanksgiving", "written_off": 1, "net": Decimal(0), "by_ticker": {}}
    text = said(report(**changes, best=None, worst=None))
    assert "Daily report of Fri 20 Nov 2026 (closed early: Thanksgiving)" in text
    assert "Realised: +$0.00 net, 2 closed, 50% won, 1 written off" in text
    assert "Unrealised: −$3.50 without KO (no price)" in text
    assert "Cash: $100,000.00, equity: unknown" in text
    assert "Alerts waiting: 3" in text
    assert text.endswith("Trading is PAUSED.")


def test_the_report_tells_strategies_apart() -> None:
    """Who has several would not see which of them won; or an idle one would be told every day."""
    traded = d.StrategyDay("ema", 3, 2, Decimal(11), closed=2, wins=1, positions=1, unrealised=None)
    holds = d.StrategyDay("swing", 0, 0, Decimal(0), closed=0, wins=0, positions=2, unrealised=Decimal(7))
    idle = d.StrategyDay("idle", 0, 0, Decimal(0), closed=0, wins=0, positions=0, unrealised=Decimal(0))
    lines = said(report(by_strategy=(traded, holds, idle))).splitlines()
    begin = lines.index("By strategy:")
    assert lines[begin + 1 : begin + 3] == [
        "• ema: +$11.00 net, 3 BUY, 2 SELL; 1 open, unrealised unknown",
        "• swing: +$0.00 net, 0 BUY, 0 SELL; 2 open, +$7.00 unrealised",
    ]
    assert lines[begin + 3].startswith("Blocked alerts")
    assert "By strategy" not in said(report())
    assert "By strategy" not in said(report(by_strategy=(idle,)))


def test_a_message_says_whose_it_is_where_there_are_several() -> None:
    """The owner would not know which of his strategies bought; or would read the only one's name in every message."""
    two = Strategies({name: Strategy(name=name) for name in ("ema", "swing")})
    event = Event(bought(), NOON, 1, strategy="ema")
    assert told(event, two).startswith("ema: Bought 10 AAPL at $187.3215")
    assert told(event, Strategies({"ema": Strategy(name="ema")})) == words.text(event) == told(event)
    assert told(replace(event, strategy=None), two) == words.text(event)
    named = Event(c.StateChanged(TradingState.RUNNING, TradingState.PAUSED, "ema"), NOON, strategy="ema")
    assert told(named, two).startswith("Strategy ema is paused")


def test_what_another_version_stored_is_said() -> None:
    """An event of an older program would lose its text, one of a newer program break the reading of all."""
    old = OtherFacts("buy_filled", Severity.INFO, {"ticker": "AAPL"})
    event = Event(old, NOON, text="Bought 10 AAPL.")
    assert words.text(event) == "Bought 10 AAPL."
    assert words.text(replace(event, text=None)) == "Buy filled: ticker AAPL."


def test_a_code_of_another_version_is_said() -> None:
    """After a way back, one refusal that this version does not know would keep every message behind it from being told."""
    assert said(c.TradingRefused("margin_call", {"missing": Decimal(5)})) == (
        "Trading refused: code margin_call, missing 5."
    )
    blocked = said(a.AlertBlocked("AAPL", Side.BUY, "margin_call", {"missing": 5}))
    assert blocked.startswith("Alert blocked: ticker AAPL, side BUY, code margin_call")
    assert said(a.AlertBlocked("AAPL", Side.BUY, "cash")).startswith("Alert blocked: ticker AAPL"), "without its facts"
