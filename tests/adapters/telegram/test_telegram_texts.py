"""Texts as pure functions: right figures, escaped, and readable on a phone."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.adapters.database.samples import a_lot, an_alert
from tests.facts import bought, every_kind
from tradebot.domain import pnl
from tradebot.domain.alerts import Alert, AlertStatus, Side
from tradebot.domain.brokerage import Account, BrokerPosition
from tradebot.domain.calendar import Calendar
from tradebot.domain.event_groups import EventGroup, Telling
from tradebot.domain.events import Event, EventKind, Facts, OtherFacts, Severity
from tradebot.domain.exposure import Exposure
from tradebot.domain.facts import FACTS
from tradebot.domain.facts.alerts import AlertBlocked
from tradebot.domain.gate import GateCode, GateReason
from tradebot.domain.hours import Hours
from tradebot.domain.limits import FixedLimits, Limits, LossBasis
from tradebot.domain.positions import WriteOff
from tradebot.domain.reasons import Reason
from tradebot.domain.refusals import Fact
from tradebot.domain.settings import TradingState
from tradebot.domain.strategies import ExitSize, Sizing, Strategies, Strategy
from tradebot.domain.trades import Trade, TradeStatus
from tradebot.operations.limits import LimitChange
from tradebot.operations.tellings import TellingChange
from tradebot.ports import Connection, LinkSession, QueueContents
from tradebot.queries.exits import Exit
from tradebot.queries.market import market_now
from tradebot.queries.positions import held_positions
from tradebot.queries.results import Result, SinceStart
from tradebot.queries.status import BooksStatus, DaemonStatus
from tradebot.queries.strategies import Standing, StrategyStatus, strategy_status
from tradebot.queries.unknown_orders import PresumedFill, PriceSource
from tradebot.queries.waiting import Waiting
from tradebot.telegram import messages, positions, questions, risk, strategies, tellings, texts
from tradebot.telegram import pnl as of_pnl
from tradebot.telegram.commands import COMMANDS
from tradebot.telegram.markup import LENGTH_MAX, fit, headed, plain, prose
from tradebot.words.in_chat import in_chat
from tradebot.words.limits import TITLES
from tradebot.words.lines import LINES, lines

WIDTH = 42
WIDTH_OF_A_TABLE = 32
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


def daemon_status(state: TradingState = TradingState.RUNNING, **changes: Any) -> DaemonStatus:
    booked = BooksStatus(state, Limits(), 1, 2, 3, [trade()], [], [AAPL, TSLA], EXPOSURE)
    link = Connection(True, True, LinkSession(1, 0), "DU1234567", True, tradable=True, why_not=None, since=NOW)
    usd = Decimal("1234567.891")
    account = Account("DU1234567", usd, usd, usd, usd * 4, False, NOW)
    depths = QueueContents([1], [2, 3], [4, 5, 6])
    return replace(DaemonStatus(booked, state, link, account, depths, [], [], 12_345.0, "0.1.0", []), **changes)


def trade(**changes: Any) -> Trade:
    made = Trade(1, "AAPL", 1, Side.BUY, Decimal(2), "tb-1-0badcafe", Decimal(0), Decimal(0), NOW, id=7)
    return replace(made, **changes)


def alert(ticker: str, side: Side, status: AlertStatus = AlertStatus.RECEIVED) -> Alert:
    new = an_alert(ticker=ticker, action=side, status=status, received_at=NOW - timedelta(seconds=65))
    return Alert(**{name: getattr(new, name) for name in new.__dataclass_fields__}, id=1)


def result(lots: int) -> Result:
    closed = [
        replace(a_lot(n, n + 1000), ticker=f"T{n:02d}", pnl=Decimal(n * 37 % 101 - 50), exit_time=NOW)
        for n in range(lots)
    ]
    day = date(2026, 11, 20)
    return Result(day - timedelta(days=6), day, pnl.summarise(day, day, closed, []), [])


def event(facts: Facts, number: int = 1, at: datetime = NOW) -> Event:
    return Event(facts, at, id=number, trade_id=7)


def market(at: datetime, *, always: bool = False) -> str:
    return texts.market(market_now(Hours(Calendar(), always=always), at), UTC_ZONE)


def every_text() -> Iterator[tuple[str, str]]:
    """Each text with ordinary figures, by a name."""
    held = held_positions([AAPL, TSLA], HOLDINGS)
    waiting = Waiting([alert("AAPL", Side.SELL)], [alert("MSFT", Side.BUY)], [alert("TSLA", Side.BUY)], None)
    exits = [Exit("AAPL", Decimal(12), Decimal("2773.20")), Exit("TSLA", Decimal(3), None)]
    guess = PresumedFill(trade(), Decimal(2), Decimal("227.45"), PriceSource.ASK_AT_DECISION)
    yield "start", texts.start(daemon_status())
    yield "help", texts.help_()
    yield from ((f"help {one.name}", texts.help_of(one, "ema")) for one in COMMANDS)
    yield "risk", risk.risk(daemon_status().books, TradingState.PAUSED, FixedLimits(max_risk_usd=Decimal(900)))
    for state in TradingState:
        yield f"status {state}", texts.status(daemon_status(state))
        yield f"resumed {state}", questions.resumed(state)
        yield f"paused {state}", questions.paused(state)
    yield "positions", positions.view(held, 0)[0]
    yield "pnl", of_pnl.pnl(result(5))
    yield "market", market(NOW)
    yield "market closed", market(NOW + timedelta(days=1))
    yield "market early", market(datetime(2026, 11, 27, 17, 0, tzinfo=UTC))
    yield "queue", texts.queue(waiting, NOW)
    yield "settings", texts.settings(Limits(), EXPOSURE, FixedLimits())
    for title in TITLES:
        yield title.command, texts.limit(title, Limits())
        yield f"{title.command} changed", texts.changed(title, LimitChange(title.name, Decimal(50), Decimal(75)))
    yield from of_strategies()
    yield "killed", questions.killed(True, questions.AtKill([trade()], True))
    yield "sell_all", questions.sell_all(exits, TradingState.RUNNING, True)
    yield "notify", tellings.view(dict.fromkeys(EventGroup, Telling.ON), (time(22), time(7)))[0]
    yield "notify changed", tellings.changed(TellingChange(EventGroup.PROTECTION, Telling.SILENT, Telling.OFF))
    yield "clear_queue", questions.clear_queue([alert("AAPL", Side.SELL), alert("MSFT", Side.BUY)])
    yield "it filled", questions.it_filled(guess)
    yield "never", questions.never_existed(guess)
    yield "accept", questions.accept([WriteOff("AAPL", 1, Decimal(12), Decimal(2))])


def several() -> BooksStatus:
    """Two strategies, one of them with all that a file can say of it."""
    ema = Strategy(
        name="ema",
        sizing=Sizing.ALERT,
        exit_size=ExitSize.ALERT,
        tickers=frozenset({"AAPL", "MSFT"}),
        window=(time(9, 35), time(15, 45)),
        cooldown_s=300,
        max_alerts_per_day=10,
        limits={"max_open_positions": 3, "max_daily_loss": Decimal(300)},
    )
    last = alert("AAPL", Side.BUY, AlertStatus.EXECUTED)
    each = [
        StrategyStatus(ema, Standing.OUTSIDE_WINDOW, False, ema.limits, EXPOSURE, 2, last),
        StrategyStatus(Strategy(name="swing"), Standing.PAUSED, True, {}, EXPOSURE, 1),
    ]
    return replace(daemon_status().books, strategies=each)


def of_strategies() -> Iterator[tuple[str, str]]:
    """What is shown where there are several."""
    books, two = several(), Strategies({name: Strategy(name=name) for name in ("ema", "swing")})
    held = held_positions([replace(AAPL, strategy="ema"), replace(TSLA, strategy="swing")], HOLDINGS, strategies=two)
    mine = replace(alert("AAPL", Side.BUY), strategy="ema")
    yield "strategies", strategies.view(books, NOW)[0]
    yield "status of several", texts.status(daemon_status(books=books))
    yield "risk of several", risk.risk(books, TradingState.RUNNING, FixedLimits())
    yield "risk of one", risk.risk(books, TradingState.RUNNING, FixedLimits(), "ema")
    yield "settings of several", texts.settings(Limits(), EXPOSURE, FixedLimits(), books.strategies)
    yield "settings of one", strategies.settings(books.strategies[0], Limits())
    yield "positions of several", positions.view(held, 0)[0]
    yield "pnl of several", of_pnl.pnl(replace(result(5), by_strategy={"ema": result(3).summary}))
    yield "queue of several", texts.queue(Waiting([], [mine], [], None, several=True), NOW)
    yield "help of several", texts.help_("ema")
    yield "own limit", texts.own_limit(TITLES[0], "ema", Decimal(750), Limits())
    for name in ("ema", "swing"):
        yield f"{name} paused", questions.strategy_paused(name, TradingState.PAUSED, TradingState.KILLED)
        yield f"{name} resumed", questions.strategy_resumed(name, TradingState.RUNNING, TradingState.PAUSED)
    yield "switch", questions.switch_strategy(books.strategies[0], pause=True)


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


def test_each_command_is_explained_in_a_line() -> None:
    """A command's help would begin with a line that wraps."""
    for command in COMMANDS:
        first, *_ = plain(texts.help_of(command)).splitlines()
        assert len(first) <= 40, first


def test_strategies_are_shown_page_by_page_with_a_switch_each() -> None:
    """Of many strategies those at the end could not be seen, or not be paused."""
    many = [StrategyStatus(Strategy(name=f"s{n}"), Standing.ON, False, {}, EXPOSURE, 0) for n in range(10)]
    books = replace(several(), strategies=many)
    first, buttons = strategies.view(books, NOW)
    assert "page 1 of 2" in first
    assert [label for row in buttons for label, _ in row] == [*(f"⏸ Pause s{n}" for n in range(8)), "more »"]
    last, buttons = strategies.view(books, NOW, 9)
    assert "s9" in last
    assert buttons[-1] == [("« back", "page:strategies:0")]
    name = "x" * 32
    long = replace(books, strategies=[replace(many[0], strategy=Strategy(name=name), paused=True)])
    [[(_, data)]] = strategies.view(long, NOW)[1]
    assert len(data) <= 64


def test_a_strategy_that_buys_nothing_is_not_green() -> None:
    """A strategy that has lost what it may, or that a kill stands above, looks well."""
    ema = Strategy(name="ema", limits={"max_daily_loss": Decimal(12)})
    one = strategy_status(ema, {}, EXPOSURE, 1, NOW)
    roomy = strategy_status(replace(ema, limits={"max_daily_loss": Decimal(13)}), {}, EXPOSURE, 1, NOW)
    assert (one.standing, roomy.standing) == (Standing.DAILY_LOSS, Standing.ON)
    books = replace(several(), strategies=[one, roomy])
    assert "🟡 ema at its daily loss: no BUY today" in plain(strategies.view(books, NOW)[0])
    for state, sign, above in (
        (TradingState.KILLED, "⛔", "trading is KILLED"),
        (TradingState.PAUSED, "⏸", "all trading is PAUSED: no BUY"),
    ):
        told = plain(strategies.view(replace(books, state=state), NOW)[0])
        assert f"{sign} All trading is {state}" in told
        assert f"{sign} ema on, but {above}" in told
        assert "🟢" not in told + plain(texts.status(daemon_status(state, books=books))).partition("Strategies")[2]
    spent = replace(books, limits=Limits(max_daily_loss=Decimal(12)))
    told = plain(strategies.view(spent, NOW)[0])
    assert "Daily loss $12.50 of $12.00: no BUY until tomorrow in New York" in told
    assert "🟡 ema on, but the account is at its daily loss" in told
    assert "🟡 Daily loss $12.50 of $12.00: no BUY until" in plain(texts.status(daemon_status(books=spent)))


def test_one_strategy_changes_no_text() -> None:
    """Who has one strategy would find other messages after the update."""
    one = replace(several(), strategies=[StrategyStatus(Strategy(name="main"), Standing.ON, False, {}, EXPOSURE, 1)])
    assert texts.status(daemon_status(books=one)) == texts.status(daemon_status())
    settings = texts.settings(Limits(), EXPOSURE, FixedLimits(), one.strategies)
    assert settings == texts.settings(Limits(), EXPOSURE, FixedLimits())
    assert held_positions([AAPL], HOLDINGS, strategies=Strategies()) == held_positions([AAPL], HOLDINGS)


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


def test_status_shows_ibs_own_result_and_what_counts_as_lost() -> None:
    """The owner would not see what IB says of his day, nor what the daily loss is compared with."""
    shown = daemon_status()
    assert shown.account is not None
    account = replace(
        shown.account, daily_pnl=Decimal("-12.5"), cash=None, base_currency="EUR", base_cash=Decimal(80_000)
    )
    told = plain(texts.status(replace(shown, account=account)))
    assert "IB's own P&L of the day −$12.50, your own shares included" in told
    assert "Cash no USD, base EUR 80,000" in told
    assert "In open lots" not in told
    used = replace(shown.books.exposure, loss_basis=LossBasis.TOTAL, open_change=None, unpriced=("KO",))
    told = plain(texts.status(replace(shown, books=replace(shown.books, exposure=used))))
    assert "In open lots unknown (no price for KO); both count towards the daily loss" in told


def test_status_counts_what_was_not_traded_today() -> None:
    """The owner would have to open the dashboard to see that a rule blocks alert after alert."""
    why = [Reason(code) if code else None for code in ("cooldown", "cooldown", "paused", None)]
    alerts = [replace(alert("AAPL", Side.BUY, AlertStatus.BLOCKED), reason=reason) for reason in why]
    assert "Not traded today 4: 2 × cooldown\n" in texts.status(daemon_status(not_traded=alerts))
    assert "Not traded today 1: 1 × blocked\n" in texts.status(daemon_status(not_traded=alerts[3:]))
    dark = [replace(alert("AAPL", Side.BUY, AlertStatus.REJECTED), instruction=None)] * 3
    late = [alert("AAPL", Side.SELL, AlertStatus.EXPIRED)] * 4
    assert "Not traded today 7: 3 × not understood\n" in texts.status(daemon_status(not_traded=[*alerts, *dark]))
    assert "Not traded today 11: 4 × waited too long\n" in texts.status(
        daemon_status(not_traded=[*alerts, *dark, *late])
    )
    assert "Not traded" not in texts.status(daemon_status())


def test_status_names_unknown_orders_and_simulated_parts() -> None:
    """Something invented would look real, an UNKNOWN order like none."""
    booked = replace(daemon_status().books, unknown=[trade(status=TradeStatus.UNKNOWN, ticker="<i>")])
    told = plain(texts.status(daemon_status(books=booked, simulated=["broker: simulated <gateway>"])))
    assert "UNKNOWN: BUY 2 <i>" in told
    assert "• broker: simulated <gateway>" in told


def test_positions_never_show_an_unknown_price_as_zero() -> None:
    """A position without a price would look worthless, or count as no gain in the total."""
    told = plain(positions.view(held_positions([AAPL, TSLA], HOLDINGS), 0)[0])
    rows = [line.split() for line in told.splitlines()]
    assert ["shares", "USD", "P&L", "%"] in rows
    assert ["AAPL", "12", "2,773", "+44", "+1.6"] in rows
    assert ["TSLA", "3", "–", "–", "–"] in rows
    assert ["Total", "2,773", "+44", "+1.6"] in rows
    assert "AAPL $227.43 → $231.10" in told
    assert "TSLA $248.90 → price unknown" in told
    assert "Unrealised +$44.04 (+1.6 %)\nCost $3,475.86\nWithout a price: TSLA" in told
    assert "Your own at IB, never touched:\nAAPL 8" in told
    assert "In the books, not at IB:\nTSLA 1" in told
    offline = plain(positions.view(held_positions([AAPL], None), 0)[0])
    assert "IB is not connected" in offline
    assert "+$" not in offline


def test_positions_stand_by_value_and_each_can_be_sold() -> None:
    """The largest would have to be looked for, and a button would sell another one."""
    lots = [a_lot(n, ticker=ticker, con_id=n, qty=Decimal(n)) for n, ticker in enumerate(("SMALL", "BRK B", "BIG"), 1)]
    prices = {
        n: BrokerPosition(n, "", Decimal(n), Decimal(1), Decimal(price)) for n, price in ((1, 5), (2, 9), (3, 80))
    }
    text, buttons = positions.view(held_positions(lots, prices), 0)
    assert re.findall("(BIG|BRK B|SMALL) +[0-9]", plain(text)) == ["BIG", "BRK B", "SMALL"]
    sells = [(label, data) for row in buttons for label, data in row if data.startswith("sell:")]
    assert sells == [("Sell BIG", "sell:BIG"), ("Sell BRK B", "sell:BRK B"), ("Sell SMALL", "sell:SMALL")]
    _, buttons = positions.view(held_positions(lots, prices, "main"), 0, "main")
    assert buttons[0][0] == ("Sell BIG", "sell:BIG:main")


@pytest.mark.parametrize("price", ["0.0001", "7.77", "999999.99", "123456789"])
@pytest.mark.parametrize("qty", ["0.0003", "12", "98765.4321"])
def test_the_table_is_never_wider_than_a_phone(price: str, qty: str) -> None:
    """A large account's table would wrap, and its figures stand under wrong headings."""
    lots = [a_lot(n, ticker=f"LONGT{n}", con_id=n, qty=Decimal(qty), entry_price=Decimal(price)) for n in (1, 2)]
    holdings = {n: BrokerPosition(n, "", Decimal(qty), Decimal(1), Decimal(price) * 3) for n in (1, 2)}
    text, _ = positions.view(held_positions(lots, holdings), 0)
    rows = plain(text.partition("<pre>")[2].partition("</pre>")[0]).splitlines()
    assert len(rows) == 4
    assert max(map(len, rows)) <= WIDTH_OF_A_TABLE


def test_positions_page_by_page() -> None:
    """Positions beyond the first page could not be seen, or a page that is gone would fail."""
    lots = [a_lot(n, ticker=f"T{n:03d}", con_id=n) for n in range(35)]
    held = held_positions(lots, {})
    first, buttons = positions.view(held, 0)
    assert buttons[-1] == [("🔄", "page:positions:0"), ("more »", "page:positions:1")]
    last, buttons = positions.view(held, 99)
    assert ("T034" in last, "T029" in last) == (True, False)
    assert buttons[-1] == [("« back", "page:positions:2"), ("🔄", "page:positions:3")]
    assert "T009" in first
    assert positions.view(held_positions([], {}), 0)[1] == [[("🔄", "page:positions:0")]]


def test_pnl_says_net_win_rate_best_and_worst() -> None:
    """The owner would judge his strategy by wrong figures."""
    told = plain(of_pnl.pnl(result(5)))
    assert "P&L Sat 14 Nov – Fri 20 Nov" in told
    assert "Won 1 of 5 closed (20%)" in told
    by_ticker = told.partition("Realised by ticker\n")[2].splitlines()
    assert by_ticker == ["T02 +$24.00", "T04 −$3.00", "T01 −$13.00", "T03 −$40.00", "T00 −$50.00"]
    assert "Nothing was closed." in of_pnl.pnl(result(0))
    assert "… and 5 more" in of_pnl.pnl(result(30))


def test_pnl_says_what_is_open_and_what_it_comes_to_since_the_start() -> None:
    """A good day of closed lots would hide what the open ones lose, or a price that is missing pass for no loss."""
    held = held_positions([AAPL], HOLDINGS).open
    start = SinceStart(Decimal(100), datetime(2026, 3, 14, tzinfo=UTC))
    told = plain(of_pnl.pnl(replace(result(5), unrealised=held, since_start=start)))
    assert "Realised −$82.00 (−" in told
    assert "Unrealised +$44.04 (+1.6 % of cost)\nSince start +$144.04\n   since 14 Mar 2026" in told
    unpriced = held_positions([AAPL, TSLA], HOLDINGS).open
    told = plain(of_pnl.pnl(replace(result(5), unrealised=unpriced, since_start=start)))
    assert "Since start +$100.00, realised\n" in told
    assert "   without a price: TSLA" in told
    assert "Since start" not in of_pnl.pnl(
        replace(result(0), unrealised=held, since_start=SinceStart(Decimal(0), None))
    )


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
    told = texts.market(market_now(Hours(Calendar()), NOW), ZoneInfo("America/New_York"))
    assert "here" not in told


def test_kill_tells_the_truth_about_storing() -> None:
    """The owner would rely on a switch that a restart lifts."""
    assert "NOT stored" in questions.killed(False, None)
    assert "could not be read" in questions.killed(True, None)
    away = questions.killed(True, questions.AtKill([trade()], False))
    assert "IB is not connected" in away


# --- events ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind, facts in FACTS.items() if facts.severity is not Severity.TRACE])
def test_every_kind_has_its_lines(kind: EventKind) -> None:
    """A message would begin with the name of a constant."""
    assert kind in LINES
    told = event(every_kind("<b>&")[kind])
    paragraph = messages.paragraph_of(told, NOW)
    said = lines(told)
    assert plain(paragraph) == in_chat(f"{said.first}\n{said.below}").replace("`", "").rstrip()
    assert "{}" not in paragraph
    assert "<b>&" not in paragraph


def test_what_another_version_stored_is_told_all_the_same() -> None:
    """After an update, or a way back, a message would be lost, or stop all that come after it."""
    old = Event(OtherFacts("buy_filled", Severity.INFO, {"ticker": "KO", "side": "BUY"}), NOW, text="Bought 3 KO.")
    assert plain(messages.paragraph_of(old, NOW)) == "Buy filled\nBought 3 KO."
    new = Event(OtherFacts("margin_call", Severity.CRITICAL, {"ticker": "KO"}), NOW)
    assert plain(messages.paragraph_of(new, NOW)) == "❗ Margin call\nMargin call: ticker KO."
    [row] = [messages.buttons_of(Event(OtherFacts("exit_incomplete", Severity.CRITICAL, {"ticker": "KO"}), NOW, id=3))]
    assert row == [("Sell the rest of KO", "rest:3")]


def test_what_waited_says_when_it_happened() -> None:
    """A fill of this morning would look like one of just now."""
    late = event(bought(), at=NOW - timedelta(hours=2))
    assert "Fri 20 Nov 10:00 New York" in messages.paragraph_of(late, NOW)
    assert "New York" not in messages.paragraph_of(event(bought()), NOW)


def test_alerts_with_one_fate_are_counted() -> None:
    """A burst of blocked alerts would bury the fills."""
    superseded = [AlertBlocked(f"T{n % 20}", Side.BUY, "superseded", {"by_alert": 99}) for n in range(40)]
    many = [event(facts, n) for n, facts in enumerate(superseded)]
    folded = messages.fold([*many[:3], event(bought(), 99), *many[3:]], NOW)
    assert len(folded.events) == 41
    told = plain(folded.html)
    assert "40 BUY alerts not sent\nT0 2, T1 2" in told
    assert "and 8 more tickers" in told
    assert "Bought 10 AAPL" in told
    few = messages.fold(many[:4], NOW)
    assert plain(few.html).count("not sent: a SELL came\nAlert 99 came after it") == 4


def test_folded_refusals_keep_their_reasons_and_exits_stand_apart() -> None:
    """An exit that did not happen would be one of many refused entries, and why would be guessed from the first of them."""

    def blocked(number: int, side: Side, code: str) -> Event:
        facts: dict[str, Fact] = {"by_alert": 99, "ticker": f"T{number}"}
        return event(AlertBlocked(f"T{number}", side, code, facts), number)

    entries = [blocked(n, Side.BUY, "nothing_held" if n == 0 else "superseded") for n in range(8)]
    exit_ = blocked(8, Side.SELL, "nothing_held")
    told = plain(messages.fold([*entries, exit_], NOW).html)
    assert "8 BUY alerts not sent" in told
    assert "7 × superseded by a SELL, for instance: BUY T1 blocked: superseded by the SELL of alert 99." in told
    assert "for instance: BUY T0 blocked: the bot holds no T0" in told
    assert "SELL T8 not sent: none is held\nThe bot holds no T8" in told


def test_a_message_is_never_too_long_and_nothing_is_left_out() -> None:
    """Telegram would refuse it, or an event be marked as told that was not."""
    events = [event(bought(f"T{n}"), n) for n in range(200)]
    rest, rounds = events, 0
    while rest:
        folded = messages.fold(rest, NOW)
        assert folded.events == rest[: len(folded.events)]
        assert all(lines(one).first in folded.html for one in folded.events)
        assert len(folded.html) <= LENGTH_MAX + 200
        rest, rounds = rest[len(folded.events) :], rounds + 1
    assert rounds < 10


def test_buttons_fit_telegram() -> None:
    """Telegram refuses data of more than 64 bytes, and the message with it."""
    for kind in every_kind():
        for label, data in messages.buttons_of(event(every_kind("BRK B")[kind], number=2**62)):
            assert len(data.encode()) <= 64
            assert len(label) <= 40
    crowd = [event(every_kind(f"T{n}")[EventKind.MISMATCH], n) for n in range(30)]
    assert len(messages.fold(crowd, NOW).events) == messages.BUTTON_ROWS_MAX


def test_cutting_keeps_the_markup_whole() -> None:
    """A tag cut in two makes Telegram refuse the message."""
    told = fit("\n".join(f"<b>line {n}</b>" for n in range(2000)))
    assert len(told) <= LENGTH_MAX
    assert told.count("<b>") == told.count("</b>")
    assert told.endswith("…")
    assert prose("`tradebot doctor` & <more>") == "<code>tradebot doctor</code> &amp; &lt;more&gt;"
    assert len(prose("x" * 9000)) <= 1500


def test_a_sign_of_two_characters_goes_whole() -> None:
    """The second line would begin with a character that nobody sees, for which some phones draw a box."""
    said = headed(f"⚠️ {'x' * 50}. And more.", "⚠️ That is not clear")
    assert plain(said) == f"⚠️ That is not clear\n{'x' * 50}. And more."
