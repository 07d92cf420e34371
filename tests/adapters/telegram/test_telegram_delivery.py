"""Events reach the chat whatever Telegram does, and whatever Telegram does reaches nothing else."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from loguru import logger

from tests.adapters.database.release import ask
from tests.adapters.telegram.conftest import CHANNEL, Phone, open_phone
from tests.bot import Bot
from tests.botapi import TOKEN
from tests.facts import bought, every_kind, report
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.events import Event, Facts, Severity
from tradebot.domain.facts.account import BrokerUnreachable, SettingChanged, StateChanged
from tradebot.domain.facts.alerts import AlertBlocked, AlertRejected
from tradebot.domain.facts.daemon import SessionPoint, Started, Stopped
from tradebot.domain.settings import TradingState
from tradebot.telegram.delivery import LAST_WORDS_S
from tradebot.telegram.markup import plain
from tradebot.words.lines import lines

RUNNING, KILLED = TradingState.RUNNING, TradingState.KILLED
TRADED = ("partial_fill", "buy_filled", "sell_filled", "stopped_out", "target_reached")
TOLD = [facts for facts in every_kind().values() if facts.severity is not Severity.TRACE]


def started(name: str) -> Started:
    """An event with this in its text."""
    return Started(name, None, None)


def _limit() -> SettingChanged:
    return SettingChanged("max_daily_buys", Decimal(10), Decimal(20))


def _plainly(event: Event) -> str:
    """Its first line, as it stands in a message once the markup is taken out."""
    return lines(event).first


async def undelivered(bot: Bot) -> list[int]:
    async with bot.ledger.read() as books:
        return [event.id for event in await books.undelivered(CHANNEL, 1000)]


async def attempts(bot: Bot, event_ids: list[int]) -> list[Mapping[str, Any]]:
    rows = await ask(bot.url, "SELECT event_id, attempts, error FROM delivery ORDER BY event_id")
    return [row for row in rows if row["event_id"] in event_ids]


async def all_delivered(phone: Phone) -> None:
    async def nothing_left() -> bool:
        return not await undelivered(phone.bot)

    await phone.bot.sooner_or_later(nothing_left, "everything is delivered", 120)


@pytest.fixture
def log() -> "object":
    lines: list[str] = []
    sink = logger.add(lines.append, level="INFO", format="{level} {message}")
    yield lines
    logger.remove(sink)


async def test_every_kind_is_told_and_silent_ones_are_not(phone: Phone) -> None:
    """Something that matters would happen without the owner hearing of it, or the chat would be full of noise."""
    facts = every_kind("<b>&")
    for one in facts.values():
        await phone.event(one)
    await all_delivered(phone)
    told = "\n".join(plain(sent.text) for sent in phone.messages())
    for event in await phone.bot.events():
        if event.facts in facts.values():
            assert (_plainly(event) in told) == (event.severity is not Severity.TRACE), event.kind


async def test_criticals_come_first_and_what_was_traded_in_order(phone: Phone) -> None:
    """An UNKNOWN order would be told after an hour of fills, or a partial fill after its end."""
    release = phone.api.stall("sendMessage")
    await phone.event(started("first"))
    await phone.api.until_asked("sendMessage", 1)
    ids = [await phone.event(facts) for facts in TOLD]
    assert ids == sorted(ids)
    release.set()
    await all_delivered(phone)
    told = plain("\n".join(sent.text for sent in phone.messages()))
    events = [event for event in await phone.bot.events() if event.id in ids]
    at = {event.id: told.index(_plainly(event)) for event in events}
    critical = [event.id for event in events if event.severity is Severity.CRITICAL]
    assert max(at[one] for one in critical) < min(where for one, where in at.items() if one not in critical)
    for alike in (critical, [event.id for event in events if event.kind in TRADED]):
        assert sorted(alike, key=lambda one: at[one]) == sorted(alike)


def _changed(before: TradingState, to: TradingState) -> StateChanged:
    return StateChanged(before, to)


@pytest.mark.parametrize(
    ("facts", "first"),
    [
        ([_limit(), _changed(RUNNING, KILLED)], "⛔ KILLED: nothing is traded"),
        ([_changed(RUNNING, KILLED), _changed(KILLED, RUNNING), bought("AAPL")], "🟢 Bought 10 AAPL"),
        ([AlertBlocked("F", Side.BUY, "superseded", {"by_alert": 7}), bought("AAPL")], "🟢 Bought 10 AAPL"),
        ([_limit(), AlertBlocked("F", Side.BUY, "superseded", {"by_alert": 7})], "🚫 BUY F not sent"),
    ],
)
async def test_a_lock_screen_shows_the_gravest_of_a_burst(phone: Phone, facts: list[Facts], first: str) -> None:
    """A kill would stand below a limit that was changed a moment before, where no lock screen shows it."""
    release = phone.api.stall("sendMessage")
    await phone.event(started("first"))
    await phone.api.until_asked("sendMessage", 1)
    for one in facts:
        await phone.event(one)
    release.set()
    await all_delivered(phone)
    assert plain(phone.messages()[-1].text).startswith(first)


async def test_a_burst_becomes_few_messages_a_second_apart(phone: Phone) -> None:
    """Telegram would throttle the bot just when much is going on."""
    release = phone.api.stall("sendMessage")
    await phone.event(started("first"))
    await phone.api.until_asked("sendMessage", 1)
    for number in range(300):
        await phone.event(bought(f"N{number:03d}"))
        await phone.event(AlertBlocked(f"T{number % 20}", Side.BUY, "superseded", {"by_alert": number}))
    release.set()
    await all_delivered(phone)
    messages = phone.messages()
    told = "\n".join(plain(sent.text) for sent in messages)
    assert told.index("Bought 10 N000") < told.index("Bought 10 N150") < told.index("Bought 10 N299")
    assert told.count("Bought 10 N") == 300
    assert sum(map(int, re.findall(r"(\d+) BUY alerts not sent", told))) == 300
    assert len(messages) < 20
    times = [sent.at for sent in messages]
    assert min(later - earlier for earlier, later in pairwise(times)) > 0.95


async def test_retry_after_is_respected(phone: Phone) -> None:
    """Telegram would lock the bot out for ever longer."""
    phone.api.refuse("sendMessage", 429, "Too Many Requests: retry after 7", retry_after=7)
    await phone.event(BrokerUnreachable(1, "told in the end"))
    await phone.api.until_asked("sendMessage", 1)
    began = asyncio.get_running_loop().time()
    await all_delivered(phone)
    sent = await phone.api.heard("told in the end")
    assert sent.at - began > 6.9
    assert len(phone.messages()) == 1


async def test_what_telegram_refuses_holds_up_nothing_and_is_tried_again(phone: Phone) -> None:
    """One message that Telegram does not take, however written, would keep back every later one, and nobody would see it."""
    from tradebot.telegram.delivery import ASIDE_S, REFUSALS_MAX

    tries = (REFUSALS_MAX + 1) * 2  # with markup, and as plain words
    phone.api.refuse("sendMessage", 400, "Bad Request: not enough rights to send text messages", times=tries)
    refused = await phone.event(started("refused"))

    async def is_seen() -> bool:
        return "not enough rights" in (phone.queries.chat.error or "")

    await phone.bot.sooner_or_later(is_seen, "the refusal is seen", 30)
    later = await phone.event(started("later"))

    async def only_it_waits() -> bool:
        return await undelivered(phone.bot) == [refused]

    await phone.bot.sooner_or_later(only_it_waits, "what follows is told", 120)
    assert phone.queries.chat.error is None, "Telegram takes messages again"
    assert later > refused
    await phone.bot.seconds(int(ASIDE_S), at_once=60)
    await all_delivered(phone)
    assert [sent.text for sent in phone.messages()][-1].count("refused") == 1


@pytest.mark.parametrize("trouble", ["outage", "garbage", "error 502", "error 403"])
async def test_what_could_not_be_sent_is_told_later_with_its_time(bot: Bot, trouble: str, log: list[str]) -> None:
    """A message would be lost when Telegram is away, or be told as if it happened now."""
    async with open_phone(bot) as phone:
        await phone.api.ask("/help", "Commands")
        match trouble:
            case "outage":
                await phone.api.down()
            case "garbage":
                phone.api.garble("", times=10_000)
            case "error 502":
                phone.api.refuse("", 502, "Bad Gateway", times=10_000)
            case "error 403":
                phone.api.refuse("sendMessage", 403, "Forbidden: bot was blocked by the user", times=10_000)
        events = [await phone.event(started(f"[{number}]")) for number in range(3)]

        async def is_noticed() -> bool:
            return phone.queries.chat.error is not None

        await bot.until(is_noticed, "the trouble is noticed")
        await bot.seconds(70)
        assert set(events) <= set(await undelivered(bot))
        for tried in await attempts(bot, events):
            assert tried["attempts"] > 1
            assert tried["error"]
            assert TOKEN not in tried["error"]
        health = await phone.queries.health()
        assert health.parts["telegram"]["ok"] is False
        assert TOKEN not in json.dumps(health.parts, default=str)
        phone.api.faults.clear()
        if trouble == "outage":
            await phone.api.up()
        await all_delivered(phone)
        told = [sent for sent in phone.messages() if "[0]" in sent.text]
        assert len(told) == 1
        assert "[1]" in told[0].text
        assert "New York" in told[0].text
        assert {tried["error"] for tried in await attempts(bot, events)} == {None}
        assert sum("Trading goes on" in line for line in log) == 1
        await phone.api.ask("/status", "RUNNING", deadline_s=30)
        assert phone.queries.chat.error is None
        assert sum("answers again after" in line for line in log) == 1


def test_an_error_never_holds_the_token() -> None:
    """Who reads the database, or a backup of it, could take the bot over: also where an error is cut in the token's middle."""
    from tradebot.telegram.sender import error_text

    for before in (0, 150, 180, 195):
        error = ValueError(f"{'x' * before} https://host/bot{TOKEN}/sendMessage")
        assert TOKEN[-20:] not in error_text(error, TOKEN)
        assert TOKEN[:10] not in error_text(error, TOKEN)


async def test_an_attempt_that_cannot_be_counted_costs_no_event(phone: Phone) -> None:
    """A database that goes away during an outage of Telegram would end the delivery, or cost the message."""
    phone.api.refuse("sendMessage", 502, "Bad Gateway", times=10_000)
    release = phone.api.stall("sendMessage")
    await phone.event(started("told in the end"))
    await phone.api.until_asked("sendMessage", 1)
    phone.bot.ledger.away = True
    release.set()
    await phone.bot.seconds(5)
    phone.bot.ledger.away = False
    phone.api.faults.clear()
    await all_delivered(phone)
    await phone.api.heard("told in the end")


@pytest.mark.parametrize("ending", ["dead", ""], ids=["revoked", "cut off"])
async def test_a_wrong_token_is_said_and_trading_goes_on(bot: Bot, log: list[str], ending: str) -> None:
    """A wrong token would end the daemon, fail without a word, or leave the owner with "Not Found"."""
    async with open_phone(bot, token=TOKEN[:-4] + ending) as phone:

        async def is_noticed() -> bool:
            return "refuses the token" in (phone.queries.chat.error or "")

        await bot.until(is_noticed, "the token is refused")
        alert_id = await bot.alert("BUY", "AAPL")
        await bot.sent()
        await bot.seconds(130)
        assert sum("refuses the token" in line for line in log) == 1
        assert "@BotFather shows the valid one (/token)" in (phone.queries.chat.error or "")
        assert not any(TOKEN[:-4] in line for line in log)
        assert (await bot.row(alert_id)).status is not AlertStatus.RECEIVED


async def test_a_wrong_chat_is_named(bot: Bot) -> None:
    """The owner would see a bot that is well and says nothing."""
    async with open_phone(bot, chat_id=999) as phone:
        await phone.event(started("to nobody"))

        async def is_noticed() -> bool:
            return "chat not found" in (phone.queries.chat.error or "")

        await bot.until(is_noticed, "the chat is not found")


async def test_a_start_without_telegram_catches_up(bot: Bot) -> None:
    """A bot started before the network is up would never be heard again."""
    async with open_phone(bot, up=False) as phone:
        await phone.event(started("started in silence"))

        async def is_noticed() -> bool:
            return phone.queries.chat.error is not None

        await bot.until(is_noticed, "the outage is noticed")
        await bot.seconds(10)
        await phone.api.up()
        await all_delivered(phone)
        await bot.seconds(10)
        await phone.api.ask("/status", "RUNNING")
        await phone.api.heard(lambda sent: sent.method == "setMyCommands")


async def test_another_poller_is_named(phone: Phone) -> None:
    """Two programs with one token would steal each other's commands, and nobody would know why."""
    phone.api.refuse("getUpdates", 409, "Conflict: terminated by other getUpdates request", times=10_000)
    await phone.api.say("/help")  # ends the poll that is under way

    async def is_noticed() -> bool:
        return "another program polls" in (phone.queries.chat.error or "")

    await phone.bot.until(is_noticed, "the conflict is noticed")
    phone.api.faults.clear()
    await phone.api.heard("Commands", deadline_s=30)


async def test_a_hanging_telegram_delays_no_order(phone: Phone) -> None:
    """Trading would depend on a chat server."""
    release = phone.api.stall("", times=10_000)
    await phone.event(started("hangs"))
    await phone.api.until_asked("sendMessage", 1)
    phone.bot.broker.fill_at_once()
    alerts = [await phone.bot.alert("BUY", ticker) for ticker in ("AAPL", "MSFT", "TSLA")]
    for alert_id in alerts:
        await phone.bot.becomes(alert_id, AlertStatus.EXECUTED)
    release.set()


async def test_a_message_telegram_cannot_read_is_sent_as_plain_text(phone: Phone) -> None:
    """One message with a fault in its markup would stop all that come after it."""
    phone.api.refuse("sendMessage", 400, "Bad Request: can't parse entities: unclosed tag")
    await phone.event(BrokerUnreachable(1, "5 < 6 & so on"))
    sent = await phone.api.heard("5 < 6 & so on")
    assert "parse_mode" not in sent.fields


async def test_a_very_long_text_is_cut(phone: Phone) -> None:
    """Telegram would refuse it for ever, and everything behind it would wait."""
    await phone.event(AlertRejected("<&>" * 5000))
    await phone.event(started("what comes after it"))
    await all_delivered(phone)
    await phone.api.heard("what comes after it")


async def test_the_last_words_are_told(phone: Phone) -> None:
    """The owner would not learn that the bot was stopped."""
    await phone.event(Stopped("stopped for good", None, None))
    await phone.hang_up()
    assert any("stopped for good" in sent.text for sent in phone.messages())
    assert await undelivered(phone.bot) == []


async def test_a_stop_does_not_wait_for_a_dead_telegram(phone: Phone) -> None:
    """Stopping the daemon would hang until the service manager kills it."""
    phone.api.stall("", times=10_000)
    await phone.event(Stopped("never told", None, None))
    await phone.api.until_asked("sendMessage", 1)
    async with asyncio.timeout(8):
        await phone.hang_up()
    assert len(await undelivered(phone.bot)) == 1


async def test_a_stop_wakes_what_waits_for_telegram_to_be_back(phone: Phone) -> None:
    """Each restart during an outage would take seconds longer, for a message that does not leave."""
    phone.api.refuse("sendMessage", 502, "Bad Gateway", times=10_000)
    waits = await phone.event(started("told in the end"))

    async def waits_long() -> bool:
        (tried,) = await attempts(phone.bot, [waits])
        return int(tried["attempts"]) >= 6  # the next attempt is half a minute away

    await phone.bot.sooner_or_later(waits_long, "it was tried some times", 120)
    await _ends_at_once(phone)
    assert waits in await undelivered(phone.bot)


async def test_a_stop_does_not_wait_for_the_silence_that_telegram_wants(phone: Phone) -> None:
    """The daemon's end would wait for messages that cannot leave by then, or they would be lost with it."""
    phone.api.refuse("sendMessage", 429, "Too Many Requests: retry after 900", retry_after=900)
    waits = await phone.event(started("told after the restart"))
    await phone.api.until_asked("sendMessage", 1)
    await phone.bot.seconds(2)
    await _ends_at_once(phone)
    assert waits in await undelivered(phone.bot)
    assert phone.messages() == []


async def _ends_at_once(phone: Phone) -> None:
    began = asyncio.get_running_loop().time()
    await phone.hang_up()
    assert asyncio.get_running_loop().time() - began < LAST_WORDS_S


async def test_a_silence_without_end_has_one(phone: Phone) -> None:
    """A mistake of Telegram, or of a proxy before it, would silence the chat for years."""
    phone.api.refuse("sendMessage", 429, "Too Many Requests", retry_after=400_000_000)
    await phone.event(BrokerUnreachable(1, "told within the hour"))
    await phone.api.until_asked("sendMessage", 1)
    await phone.bot.seconds(3000, at_once=60)
    assert phone.messages() == []
    await phone.bot.seconds(660, at_once=60)
    await all_delivered(phone)
    await phone.api.heard("told within the hour")


async def test_events_are_marked_when_the_database_was_away_for_a_moment(phone: Phone) -> None:
    """What was sent while the database went away would be told again and again."""
    release = phone.api.stall("sendMessage")
    await phone.event(started("told once"))
    await phone.api.until_asked("sendMessage", 1)
    phone.bot.ledger.away = True
    release.set()
    await phone.api.heard("told once")
    await phone.bot.seconds(3)
    phone.bot.ledger.away = False
    await all_delivered(phone)
    assert sum("told once" in sent.text for sent in phone.messages()) == 1


async def test_a_daily_report_brings_its_picture(phone: Phone) -> None:
    """The report's figures over time would not be drawn."""
    series = tuple(SessionPoint(date(2026, 11, day), Decimal(day * 7 % 40 - 17), None) for day in range(9, 20))
    await phone.event(report(series=series))
    await phone.event(started("after the report"))
    said = await phone.api.heard("+$11.00 today, 3 BUY, 2 SELL")
    picture = await phone.api.heard(lambda sent: sent.method == "sendPhoto")
    assert next(iter(picture.files.values())).startswith(b"\x89PNG")
    assert phone.api.sent.index(picture) == phone.api.sent.index(said) + 1


def test_without_a_token_nothing_heavy_is_imported() -> None:
    """Every start, and every command, would take seconds and dozens of megabytes more."""
    imported = "import sys, tradebot.runtime.supervisor, tradebot.cli"
    heavy = {"aiogram", "matplotlib", "aiosmtplib", "apprise", "jinja2", "jwt", "prometheus_client", "redis", "asyncpg"}
    asked_for = {
        *(
            f"tradebot.domain.analytics.{name}"
            for name in ("performance", "closed_lots", "latency", "slippage", "ratios")
        ),
        *("tradebot.runtime.log_reading", "tradebot.queries.period_report", "tradebot.words.report_page"),
        *("tradebot.web", "tradebot.telegram", "tradebot.simgateway", "tradebot.notify.http", "tradebot.notify.mail"),
    }
    look = f"{imported}; print(sorted({heavy | asked_for} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
