"""Texts as pure functions: right figures, escaped, and readable on a phone."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tests.adapters.database.samples import a_lot, an_alert
from tradebot.domain import pnl
from tradebot.domain.alerts import Alert, AlertStatus, Side
from tradebot.domain.brokerage import Account, BrokerPosition
from tradebot.domain.calendar import Calendar
from tradebot.domain.events import SILENT, Event, EventKind
from tradebot.domain.exposure import Exposure
from tradebot.domain.hours import Hours
from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import Trade, TradeStatus
from tradebot.operations.exits import Exit
from tradebot.operations.limits import TITLES
from tradebot.operations.resolve import Guess
from tradebot.ports import Connection, LinkSession, QueueContents
from tradebot.queries import figures
from tradebot.queries.status import DaemonStatus, Status
from tradebot.telegram import messages, questions, texts
from tradebot.telegram.markup import LENGTH_MAX, fit, plain, prose
from tradebot.trading.booking import WriteOff
from tradebot.trading.gate import GateCode, GateReason
from tradebot.words import refusals

WIDTH = 42
NOW = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
AAPL = a_lot(1, con_id=1, qty=Decimal(12), entry_price=Decimal("227.43"))
TSLA = a_lot(2, ticker="TSLA", con_id=2, qty=Decimal(3), entry_price=Decimal("248.90"))
HOLDINGS = {
    1: BrokerPosition(1, "AAPL", Decimal(20), Decimal("227.43"), Decimal("231.1")),
    2: BrokerPosition(2, "TSLA", Decimal(2), Decimal("248.90"), None),
}

EXPOSURE = Exposure(
    held=Decimal(2969),
    in_flight=Decimal(506),
    not_yet_in_cash=Decimal(0),
    by_ticker={"AAPL": 2, "TSLA": 1},
    buys_today=4,
    realised_today=Decimal("-12.5"),
)


def daemon_status(state: TradingState = TradingState.RUNNING, **changes: object) -> DaemonStatus:
    booked = Status(state, Limits(), 1, 2, 3, [trade()], [], [AAPL, TSLA], EXPOSURE)
    link = Connection(True, True, LinkSession(1, 0), "DU1234567", True, tradable=True, why_not=None, since=NOW)
    usd = Decimal("1234567.891")
    account = Account("DU1234567", usd, usd, usd, usd * 4, False, NOW)
    depths = QueueContents([1], [2, 3], [4, 5, 6])
    return replace(DaemonStatus(booked, state, link, account, depths, [], 12_345.0, "0.1.0", []), **changes)  # type: ignore[arg-type]


def trade(**changes: object) -> Trade:
    made = Trade(1, "AAPL", 1, Side.BUY, Decimal(2), "tb-1-0badcafe", Decimal(0), {}, NOW, id=7)
    return replace(made, **changes)  # type: ignore[arg-type]


def alert(ticker: str, side: Side, status: AlertStatus = AlertStatus.RECEIVED) -> Alert:
    new = an_alert(ticker=ticker, action=side, status=status, received_at=NOW - timedelta(seconds=65))
    return Alert(**{name: getattr(new, name) for name in new.__dataclass_fields__}, id=1)


def result(lots: int) -> figures.Result:
    closed = [
        replace(a_lot(n, n + 1000), ticker=f"T{n:02d}", pnl=Decimal(n * 37 % 101 - 50), exit_time=NOW)
        for n in range(lots)
    ]
    day = date(2026, 11, 20)
    return figures.Result(day - timedelta(days=6), day, pnl.summarise(day, day, closed, []), [])


def event(kind: EventKind, text: str = "Said.", number: int = 1, at: datetime = NOW, **data: object) -> Event:
    return Event(kind, at, text, data=data, id=number, trade_id=7)


def market(at: datetime, *, always: bool = False) -> str:
    return texts.market(figures.market(Hours(Calendar(), always=always), at), UTC_ZONE)


def every_text() -> Iterator[tuple[str, str]]:
    """Each text with ordinary figures, by a name."""
    held = figures.held([AAPL, TSLA], HOLDINGS)
    waiting = figures.Waiting([alert("AAPL", Side.SELL)], [alert("MSFT", Side.BUY)], [alert("TSLA", Side.BUY)], None)
    exits = [Exit("AAPL", Decimal(12), Decimal("2773.20")), Exit("TSLA", Decimal(3), None)]
    guess = Guess(trade(), Decimal(2), Decimal("227.45"), "the ask when the order was decided")
    yield "start", texts.start(daemon_status())
    yield "help", texts.help_()
    for state in TradingState:
        yield f"status {state}", texts.status(daemon_status(state))
        yield f"resumed {state}", questions.resumed(state)
        yield f"paused {state}", questions.paused(state)
    yield "positions", texts.positions(held, 0)[0]
    yield "pnl", texts.pnl(result(5))
    yield "market", market(NOW)
    yield "market closed", market(NOW + timedelta(days=1))
    yield "market early", market(datetime(2026, 11, 27, 17, 0, tzinfo=UTC))
    yield "queue", texts.queue(waiting, NOW)
    yield "settings", texts.settings(Limits(), EXPOSURE, FixedLimits())
    for title in TITLES:
        yield title.command, texts.limit(title, Limits())
        yield f"{title.command} changed", texts.changed(title, "$50,000.00", "$75,000.00")
    yield "killed", questions.killed(True, questions.AtKill([trade()], True))
    yield "sell_all", questions.sell_all(exits, TradingState.RUNNING, True)
    yield "clear_queue", questions.clear_queue([alert("AAPL", Side.SELL), alert("MSFT", Side.BUY)])
    yield "it filled", questions.it_filled(guess)
    yield "never", questions.never_existed(guess)
    yield "accept", questions.accept(WriteOff("AAPL", 1, Decimal(12), Decimal(2)))


TEXTS = dict(every_text())
PROSE = (
    "•",
    "⏳",
    "❗",
    "Booked would be",
    "Look into",
    "The books are",
    "BUY alerts are",
    "SELL alerts are",
    "BUY and SELL",
)


@pytest.mark.parametrize("name", TEXTS)
def test_lines_fit_a_phone(name: str) -> None:
    """Lines that are meant as lines would wrap, and figures stand under the wrong heading."""
    for line in plain(TEXTS[name]).splitlines():
        if not line.startswith(PROSE) and not line.endswith((".", "?")):
            assert len(line) <= WIDTH, line


def test_status_says_what_stands_in_the_way() -> None:
    """Orders would wait without the owner knowing why."""
    link = Connection(
        True, True, LinkSession(1, 0), "U7654321", False, tradable=False, why_not="allow_live is <off>", since=NOW
    )
    told = plain(texts.status(daemon_status(held_up_by=[GateReason(GateCode.READ_ONLY)], connection=link, depths=None)))
    assert "Orders wait: The gateway's API is read-only." in told
    assert "LIVE, REAL MONEY U7654321, NOT traded: allow_live is <off>" in told
    assert "The queue does not answer" in told
    away = replace(link, up=False, why_not="connection refused")
    assert "IB: NOT connected (connection refused)" in plain(texts.status(daemon_status(connection=away, account=None)))
    assert "Cash unknown" in texts.status(daemon_status(account=None))


def test_status_names_unknown_orders_and_simulated_parts() -> None:
    """Something invented would look real, an UNKNOWN order like none."""
    booked = replace(daemon_status().books, unknown=[trade(status=TradeStatus.UNKNOWN, ticker="<i>")])
    told = plain(texts.status(daemon_status(books=booked, simulated=["broker: simulated <gateway>"])))
    assert "UNKNOWN: BUY 2 <i>" in told
    assert "• broker: simulated <gateway>" in told


def test_positions_never_show_an_unknown_price_as_zero() -> None:
    """A position without a price would look worthless, or count as no gain in the total."""
    told = plain(texts.positions(figures.held([AAPL, TSLA], HOLDINGS), 0)[0])
    assert "AAPL 12, 1 lot\n   $227.43 → $231.10\n   +$44.04 (+1.6 %)" in told
    assert "TSLA 3, 1 lot\n   $248.90 → price unknown" in told
    assert "Total cost $3,475.86\n   +$44.04 (+1.6 %)\n   without 1 unpriced: TSLA" in told
    assert "Your own at IB, never touched:\nAAPL 8" in told
    assert "In the books, not at IB:\nTSLA 1" in told
    offline = plain(texts.positions(figures.held([AAPL], None), 0)[0])
    assert "IB is not connected" in offline
    assert "+$" not in offline


def test_positions_page_by_page() -> None:
    """Positions beyond the first page could not be seen, or a page that is gone would fail."""
    lots = [a_lot(n, ticker=f"T{n:03d}", con_id=n) for n in range(35)]
    held = figures.held(lots, {})
    first, buttons = texts.positions(held, 0)
    assert buttons == [[("more »", "page:positions:1")]]
    last, buttons = texts.positions(held, 99)
    assert ("T034" in last, "T029" in last) == (True, False)
    assert buttons == [[("« back", "page:positions:2")]]
    assert "T009" in first
    assert texts.positions(figures.held([], {}), 0)[1] == []


def test_pnl_says_net_win_rate_best_and_worst() -> None:
    """The owner would judge his strategy by wrong figures."""
    told = plain(texts.pnl(result(5)))
    assert "P&L Sat 14 Nov – Fri 20 Nov" in told
    assert "Won 1 of 5 closed (20%)" in told
    by_ticker = told.partition("Realised by ticker\n")[2].splitlines()
    assert by_ticker == ["T02 +$24.00", "T04 −$3.00", "T01 −$13.00", "T03 −$40.00", "T00 −$50.00"]
    assert "Nothing was closed." in texts.pnl(result(0))
    assert "… and 5 more" in texts.pnl(result(30))


def test_market_names_holidays_and_early_closes() -> None:
    """An alert would wait over a holiday that nobody mentioned."""
    told = plain(market(NOW))
    assert "Open, closes in 4 h" in told
    assert "Today: 09:30 – 16:00 New York" in told
    assert "Next open Mon 23 Nov 09:30 New York\n   Mon 23 Nov 14:30 here (UTC)" in told
    assert "Thu 26 Nov: closed\n   Thanksgiving Day" in told
    assert "Fri 27 Nov: closes 13:00" in told
    assert "Closed (Saturday), opens in" in plain(market(NOW + timedelta(days=1)))
    assert "at all hours" in market(NOW, always=True)


def test_no_local_time_where_it_is_new_york_s() -> None:
    """The same time would stand there twice."""
    told = texts.market(figures.market(Hours(Calendar()), NOW), ZoneInfo("America/New_York"))
    assert "here" not in told


def test_kill_tells_the_truth_about_storing() -> None:
    """The owner would rely on a switch that a restart lifts."""
    assert "NOT stored" in questions.killed(False, None)
    assert "could not be read" in questions.killed(True, None)
    away = questions.killed(True, questions.AtKill([trade()], False))
    assert "IB is not connected" in away


# --- events ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind not in SILENT])
def test_every_kind_has_a_title(kind: EventKind) -> None:
    """A message would begin with the name of a constant."""
    assert kind in messages.TITLES
    told = messages.paragraph_of(event(kind, "a <text>", ticker="<b>&", side="BUY"), NOW)
    assert "a &lt;text&gt;" in told
    assert "{}" not in told


def test_what_waited_says_when_it_happened() -> None:
    """A fill of this morning would look like one of just now."""
    late = event(EventKind.BUY_FILLED, at=NOW - timedelta(hours=2))
    assert "Fri 20 Nov 10:00 New York" in messages.paragraph_of(late, NOW)
    assert "New York" not in messages.paragraph_of(event(EventKind.BUY_FILLED), NOW)


def test_alerts_with_one_fate_are_counted() -> None:
    """A burst of blocked alerts would bury the fills."""
    many = [event(EventKind.ALERT_BLOCKED, f"BUY T{n % 20} blocked: why.", n, ticker=f"T{n % 20}") for n in range(40)]
    folded = messages.fold([*many[:3], event(EventKind.BUY_FILLED, "Bought.", 99), *many[3:]], NOW)
    assert len(folded.events) == 41
    told = plain(folded.html)
    assert "40 alerts blocked\nT0 2, T1 2" in told
    assert "and 8 more tickers" in told
    assert "Bought." in told
    few = messages.fold(many[:4], NOW)
    assert plain(few.html).count("blocked: why.") == 4


def test_folded_refusals_keep_their_reasons_and_exits_stand_apart() -> None:
    """An exit that did not happen would be one of many refused entries, and why would be guessed from the first of them."""

    def blocked(number: int, side: str, code: str) -> Event:
        text = f"{side} T{number} blocked: {refusals.title(code)} says no."
        return event(EventKind.ALERT_BLOCKED, text, number, ticker=f"T{number}", side=side, code=code, facts={})

    entries = [blocked(n, "BUY", "paused" if n == 0 else "cash") for n in range(8)]
    exit_ = blocked(8, "SELL", "kill_switch")
    told = plain(messages.fold([*entries, exit_], NOW).html)
    assert "8 BUY alerts blocked" in told
    assert "7 × cash, for instance: BUY T1 blocked: cash says no." in told
    assert "1 × pause, for instance: BUY T0 blocked: pause says no." in told
    assert "SELL T8 blocked: kill switch says no." in told


def test_what_is_nothing_has_no_sign() -> None:
    """A loss of three cents would be shown as a gain of 0.0 %."""
    assert texts._percent(Decimal("-0.03"), Decimal(1000)) == "0.0 %"
    assert texts._percent(Decimal(-3), Decimal(1000)) == "−0.3 %"
    assert texts._percent(Decimal(3), Decimal(1000)) == "+0.3 %"


def test_a_message_is_never_too_long_and_nothing_is_left_out() -> None:
    """Telegram would refuse it, or an event be marked as told that was not."""
    events = [event(EventKind.BUY_FILLED, f"Bought {n} of something at some price.", n) for n in range(200)]
    rest, rounds = events, 0
    while rest:
        folded = messages.fold(rest, NOW)
        assert folded.events == rest[: len(folded.events)]
        assert all(one.text in folded.html for one in folded.events)
        assert len(folded.html) <= LENGTH_MAX + 200
        rest, rounds = rest[len(folded.events) :], rounds + 1
    assert rounds < 10


def test_buttons_fit_telegram() -> None:
    """Telegram refuses data of more than 64 bytes, and the message with it."""
    for kind in (EventKind.EXIT_INCOMPLETE, EventKind.ORDER_UNKNOWN, EventKind.MISMATCH):
        for label, data in messages.buttons_of(event(kind, number=2**62, ticker="BRK B")):
            assert len(data.encode()) <= 64
            assert len(label) <= 40
    crowd = [event(EventKind.MISMATCH, number=n, ticker=f"T{n}") for n in range(30)]
    assert len(messages.fold(crowd, NOW).events) == messages.BUTTON_ROWS_MAX


def test_cutting_keeps_the_markup_whole() -> None:
    """A tag cut in two makes Telegram refuse the message."""
    told = fit("\n".join(f"<b>line {n}</b>" for n in range(2000)))
    assert len(told) <= LENGTH_MAX
    assert told.count("<b>") == told.count("</b>")
    assert told.endswith("…")
    assert prose("`tradebot resume` & <more>") == "<code>tradebot resume</code> &amp; &lt;more&gt;"
    assert len(prose("x" * 9000)) <= 1500
