"""Views: what was traded, what became of an alert, what is at stake, how the program is; and the keyboard of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.adapters.telegram.conftest import Phone, open_phone
from tests.adapters.telegram.test_telegram_texts import EXPOSURE, daemon_status
from tests.bot_fixtures import MakeBot
from tests.fakes import CON_IDS
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.gate import GateCode, GateReason
from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.log_lines import LogLine
from tradebot.domain.settings import TradingState
from tradebot.queries.health import Health
from tradebot.runtime.newest_lines import NewestLines
from tradebot.telegram import risk, system
from tradebot.telegram.keyboards import home
from tradebot.telegram.markup import fit, plain
from tradebot.telegram.table import bar, rate, table, whole


async def sold(phone: Phone, ticker: str = "AAPL") -> int:
    """Bought at 100, sold at 101: the exit's alert."""
    await phone.bot.bought(5, ticker)
    alert_id, order_ref = await phone.bot.order("SELL", ticker)
    phone.bot.broker.fill(order_ref, 5, 101)
    await phone.bot.becomes(alert_id, AlertStatus.EXECUTED)
    return alert_id


# --- what was traded ------------------------------------------------------------------------------------------------


async def test_trades_are_listed_with_their_gain(phone: Phone) -> None:
    """What the bot did could be seen only by scrolling back through all messages."""
    assert "Nothing was traded" in (await phone.api.ask("/trades", "traded")).text
    await sold(phone)
    told = plain((await phone.api.ask("/trades", "The last 2 trades")).text)
    assert "🟢 BUY 5 AAPL $100.00" in told
    assert "🔴 SELL 5 AAPL $101.00 +$3.00" in told
    assert "BUY" not in (await phone.api.ask("/trades 1", "The last 1 trade")).text
    assert "from 1 to 50" in (await phone.api.ask("/trades 51")).text


async def test_an_alert_is_traced_from_its_message_to_its_gain(phone: Phone) -> None:
    """Why an alert was not traded, or what it made, could be found on the server only."""
    assert "No alert has come yet." in (await phone.api.ask("/last", "alert")).text
    exit_id = await sold(phone)
    told = plain((await phone.api.ask("/last", f"Alert {exit_id}")).text)
    assert f"Alert {exit_id}: SELL AAPL, EXECUTED" in told
    assert "• SELL 5 AAPL: FILLED, 5 at $101.00, +$3.00" in told
    assert "+0.0" in told
    await phone.api.ask("/set_max_invest 100", "→")
    refused = await phone.bot.alert("BUY", "MSFT")
    await phone.bot.becomes(refused, AlertStatus.BLOCKED)
    told = plain((await phone.api.ask(f"/trace {refused}", f"Alert {refused}")).text)
    assert "BUY MSFT, BLOCKED" in told
    assert "❗ would bring the total invested to" in told
    listed = plain((await phone.api.ask("/last 2", "The last 2 alerts")).text)
    assert f"{exit_id}: SELL AAPL, EXECUTED" in listed
    assert f"{refused}: BUY MSFT, BLOCKED\n      would bring the total invested to" in listed
    assert "from 1 to 30" in (await phone.api.ask("/last 31")).text
    by_ref = (await phone.bot.trade_of(exit_id)).order_ref
    assert f"Alert {exit_id}" in (await phone.api.ask(f"/trace {by_ref}", "Alert")).text
    assert "There is no alert “999”" in (await phone.api.ask("/trace 999", "no alert")).text


async def test_pnl_has_what_is_open_and_status_what_was_sold(phone: Phone) -> None:
    """A day's result would leave out what is still open, and its sells."""
    await sold(phone)
    await phone.bot.bought(5, "MSFT")
    phone.bot.broker.prices[CON_IDS["MSFT"]] = Decimal(110)
    told = plain((await phone.api.ask("/pnl", "P&amp;L")).text)
    assert "Realised +$3.00 (+0.6 % of cost)\nUnrealised +$50.00 (+10.0 % of cost)\nSince start +$53.00" in told
    assert "Buys today 2 of 50, sells 1" in (await phone.api.ask("/status", "Cash")).text


# --- at stake -------------------------------------------------------------------------------------------------------


def test_risk_shows_how_much_of_each_limit_is_used() -> None:
    """The owner would learn of a full limit by a refused alert."""
    used = replace(EXPOSURE, cost_by_ticker={"AAPL": Decimal(2729), "TSLA": Decimal(746)})
    used = replace(used, cost_by_sector={"Consumer, Non-cyclical": Decimal(2729), "unknown": Decimal(746)})
    booked = replace(daemon_status().books, exposure=used, limits=Limits(max_daily_buys=4), blocked=["GME"])
    told = plain(risk.risk(booked, TradingState.PAUSED, FixedLimits()))
    assert "PAUSED: no BUY" in told
    assert "Buys a day 4 of 4\n▰▰▰▰▰▰▰▰▰▰ 100 % ❗" in told
    assert "Total investment $3,475.00 of $50,000.00\n▰▱▱▱▱▱▱▱▱▱ 7 %" in told
    assert ["AAPL", "2,729", "79", "%"] in [line.split() for line in told.splitlines()]
    assert "Consumer, Non-cycl 2,729 79 %\nunknown              746 21 %" in told
    assert "Blocked: no BUY of GME" in told


async def test_risk_in_the_chat(phone: Phone) -> None:
    """The view would show other figures than the checks compare."""
    await phone.bot.bought(5)
    assert "Open positions 1 of 200" in plain((await phone.api.ask("/risk", "Risk")).text)


# --- the program ----------------------------------------------------------------------------------------------------


def test_health_says_that_nothing_is_traded() -> None:
    """The first line says that all is well while a kill is in force."""
    killed = Health(True, {"trading": {"ok": True, "state": TradingState.KILLED, "waiting_for": []}})
    told = plain(system.health(killed)).splitlines()
    assert told[:2] == ["⛔ KILLED; the machine is well", "⛔ Sending orders: KILLED"]
    assert plain(system.health(replace(killed, ok=False))).startswith("⛔ KILLED, and not well")
    paused = Health(True, {"trading": {"ok": True, "state": TradingState.PAUSED, "waiting_for": []}})
    assert plain(system.health(paused)).startswith("⏸ PAUSED: no BUY; the machine is well")


async def test_health_says_what_is_wrong_and_what_to_do(phone: Phone) -> None:
    """A part that is down would be a red light and no help."""
    assert "✅ IB: " in plain((await phone.api.ask("/health", "All is well")).text)
    part = {"ok": False, "state": "RUNNING", "waiting_for": [GateReason(GateCode.READ_ONLY)]}
    told = plain(system.health(Health(False, {"trading": part, "database": {"ok": False, "error": "<gone>"}})))
    assert "❗ Not well" in told
    assert "The gateway's API is read-only." in told
    assert "<gone>" in told
    assert "Is the database server up" in told


async def test_version(phone: Phone) -> None:
    """Whoever asks for help could not say what he runs."""
    told = (await phone.api.ask("/version", "tradebot 0.1.0")).text
    assert "broker: simulated &lt;b&gt;&amp;" in told


async def test_the_log_s_warnings_reach_the_chat(make_bot: MakeBot, tmp_path: Path) -> None:
    """What went wrong at night could be read on the server only."""
    folder = tmp_path / "logs"
    folder.mkdir()
    line = '{"time": "2026-11-20T17:00:0%d.000+00:00", "level": "%s", "message": "%s", "where": "x:1"}\n'
    old = folder / "tradebot-20261119T000000.000000Z.jsonl"
    old.write_text(line % (0, "ERROR", "an old one"))
    newest = [
        line % (n, level, f"<b>line {n}") for n, level in enumerate(("WARNING", "INFO", "CRITICAL", "WARNING"), 1)
    ]
    (folder / "tradebot.jsonl").write_text("no json\n" + "".join(newest))
    found = await NewestLines(folder).newest(3, "WARNING")
    assert [one.message for one in found] == ["<b>line 1", "<b>line 3", "<b>line 4"]
    assert [one.message for one in await NewestLines(folder).newest(9, "ERROR")] == ["an old one", "<b>line 3"]
    assert await NewestLines(tmp_path / "nothing").newest(3, "WARNING") == []
    made = await make_bot(log=NewestLines(folder))
    async with open_phone(made) as phone:
        told = plain((await phone.api.ask("/logs 2", "Last 2 lines")).text)
        assert ("line 3" in told, "<b>line 4" in told, "line 1" in told) == (True, True, False)


def test_a_line_of_the_log_stays_a_line() -> None:
    """A traceback of a hundred lines would fill the screen."""
    broken = LogLine(
        datetime(2026, 11, 20, 17, tzinfo=UTC), "ERROR", "a\nb " + "x" * 500, exception="Trace\n…\nOops: <1>"
    )
    told = system.logs([broken, LogLine(None, "", "torn")], 2)
    assert len(told) < 400
    assert "a b xxx" in told
    assert "no warning" in system.logs([], 5)


# --- the keyboard ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["start", "status"])
async def test_every_button_of_the_keyboard_shows_its_view_in_place(phone: Phone, command: str) -> None:
    """A button would do nothing, or looking around would fill the chat with messages."""
    shown = await phone.api.ask(f"/{command}", "RUNNING")
    assert shown.buttons == {label: data for row in home(command) for label, data in row}
    for label in shown.buttons:
        answer = await phone.api.pressed(shown, label, lambda sent: sent.method == "editMessageText")
        assert answer.message_id == shown.message_id
        assert "« Status" in answer.buttons or label == "🔄 Refresh"
    assert [sent.method for sent in phone.messages()] == ["sendMessage"] + ["editMessageText"] * len(shown.buttons)


async def test_refreshing_what_has_not_changed_is_no_error(phone: Phone) -> None:
    """A second press would bring a second message."""
    shown = await phone.api.ask("/positions", "Positions")
    phone.api.refuse("editMessageText", 400, "Bad Request: message is not modified: specified new message content")
    await phone.api.press(shown, "🔄")
    again = await phone.api.pressed(shown, "🔄", lambda sent: sent.method == "editMessageText")
    assert again.message_id == shown.message_id
    assert [sent.method for sent in phone.messages()] == ["sendMessage", "editMessageText"]


async def test_help_of_one_command(phone: Phone) -> None:
    """Of thirty commands the owner would remember none, and its words would be a wall."""
    told = plain((await phone.api.ask("/help sell", "/sell")).text)
    assert "/sell AAPL" in told
    assert "It asks first" in told
    assert "Did you mean /positions?" in plain((await phone.api.ask("/help /positons", "no command")).text)


HOSTILE = ("<b>&", "-1", "9" * 300, "a:b:c", "\u202e" + "0", "'; DROP TABLE trade; --", "* * *", "x" * 3000)


async def test_whatever_is_typed_behind_a_command_is_answered(phone: Phone) -> None:
    """A slip of the thumb would be met with silence, with an internal error, or with HTML that Telegram refuses."""
    for name in (
        "trades",
        "last",
        "trace",
        "risk",
        "health",
        "logs",
        "version",
        "help",
        "sell",
        "block",
        "unblock",
        "buy",
    ):
        for typed in HOSTILE:
            answer = await phone.api.ask(f"/{name} {typed}")
            assert "internal error" not in answer.text, (name, typed)
    assert await phone.queries.blocked_tickers() == []


# --- topics ---------------------------------------------------------------------------------------------------------


async def test_messages_go_to_the_topic_that_the_file_names(make_bot: MakeBot) -> None:
    """In a group with topics every message would stand among the talk of the general one, or be lost with its topic."""
    bot = await make_bot()
    await bot.start()
    async with open_phone(bot, topic_id=7) as phone:
        await bot.operations.block("AAPL", "Bob", "1")
        told = await phone.api.heard("AAPL")
        assert told.fields["message_thread_id"] == "7"
        assert "message_thread_id" not in (await phone.api.ask("/status", "RUNNING")).fields
        phone.api.refuse("sendMessage", 400, "Bad Request: message thread not found")
        await bot.operations.block("MSFT", "Bob", "2")
        assert "message_thread_id" not in (await phone.api.heard("MSFT")).fields


# --- tables ---------------------------------------------------------------------------------------------------------


def rows_of(html: str) -> Sequence[str]:
    return plain(html).splitlines()


def test_a_table_stands_in_columns_and_leaves_out_what_is_too_wide() -> None:
    """Figures would stand under another heading."""
    rows = [("Ticker", "n", "USD"), ("A<b>", "1", "22,000"), "── a line"]
    assert rows_of(table(rows)) == ["Ticker n    USD", "A<b>   1 22,000", "── a line"]
    wide = [("x" * 10, "y" * 20, "z" * 10)]
    assert rows_of(table(wide, without=((1,),))) == [f"{'x' * 10} {'z' * 10}"]
    assert len(rows_of(table(wide))[0]) == 32


def test_figures_of_a_table() -> None:
    """A loss would look like a gain, nothing like a loss, or a full limit like room."""
    assert [whole(Decimal(n)) for n in ("0", "-0.2", "-1234.5", "1234567")] == ["0", "0", "−1,234", "1.23M"]
    assert [whole(Decimal(n), signed=True) for n in ("0.3", "84.4", "-2")] == ["0", "+84", "−2"]
    assert [rate(Decimal(n), Decimal(200)) for n in ("3", "-3", "0.02", "9000")] == ["+1.5", "−1.5", "0.0", "+4,500"]
    assert (rate(None, Decimal(1)), rate(Decimal(1), Decimal(0)), whole(None)) == ("–", "–", "–")
    assert [bar(Decimal(n), Decimal(100)) for n in (0, 1, 99, 100)] == [
        "▱" * 10,
        "▰" + "▱" * 9,
        "▰" * 9 + "▱",
        "▰" * 10,
    ]


def test_a_table_that_is_cut_is_closed() -> None:
    """Telegram would refuse the message, and the plain words of it be all that is seen."""
    cut = fit("<pre>" + "\n".join(["x" * 30] * 200) + "</pre>")
    assert cut.endswith("</pre>\n…")
    assert cut.count("<pre>") == cut.count("</pre>")
