"""The outbox: events wait for channels, by kind, and are found without a look at what was told before; on both databases."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.adapters.database.release import ask
from tests.adapters.database.samples import NOON, an_alert
from tests.facts import every_kind
from tradebot.database import open_ledger
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.delivery import wanted
from tradebot.domain.event_groups import EventGroup
from tradebot.domain.events import EventKind, NewEvent, Severity
from tradebot.notify.news import news
from tradebot.ports import Books, Ledger

OLD_EVENTS = """
INSERT INTO event (at, kind, severity, text, actor, facts)
WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 30000)
SELECT :at, 'started', 'INFO', 'Started.', 'bot', '{}' FROM counted
"""
OLD_DELIVERIES = """
INSERT INTO delivery (event_id, channel, state, attempts, delivered_at) SELECT id, 'telegram', 'DELIVERED', 1, at FROM event
"""


async def waiting(books: Books, channel: str) -> Sequence[int]:
    return [event.id for event in await books.undelivered(channel, 1000)]


async def add(books: Books, kind: EventKind = EventKind.STARTED) -> int:
    return await books.add_event(NewEvent(every_kind()[kind], NOON))


async def test_the_outbox_can_be_asked_for_some_kinds(ledger: Ledger) -> None:
    """Broken, a critical message waits behind thousands of others."""
    kinds = [EventKind.STARTED, EventKind.MISMATCH, EventKind.STOPPED, EventKind.ORDER_UNKNOWN]
    async with ledger.begin() as books:
        ids = [await books.add_event(NewEvent(every_kind()[kind], NOON)) for kind in kinds]
    async with ledger.read() as books:
        critical = await books.undelivered("owner", 10, severities=(Severity.CRITICAL,))
        assert [event.kind for event in critical] == [kinds[1], kinds[3]]
        assert [event.kind for event in await books.undelivered("owner", 1, severities=(Severity.CRITICAL,))] == [
            kinds[1]
        ]
        assert [event.id for event in await books.undelivered("owner", 10)] == ids
        assert await books.undelivered("owner", 10, severities=()) == []


async def test_a_trace_waits_for_nobody(ledger: Ledger) -> None:
    """Broken, each step of each alert costs the outbox a row that nobody is told of."""
    async with ledger.begin() as books:
        await books.serve_channels(["telegram"])
        await add(books, EventKind.ORDER_INTENT)
        assert await waiting(books, "telegram") == []
        assert len(await books.events()) == 1


async def test_a_commit_wakes_who_waits_for_it(ledger: Ledger) -> None:
    """Broken, channels and the look at SELLs ask the database for ever, or hear of nothing until they ask by themselves."""
    heard, heard_too = ledger.news.listen(), ledger.news.listen()
    async with ledger.begin() as books:
        await books.serve_channels(["telegram"])
        await add(books, EventKind.ORDER_INTENT)
        blocked = await books.insert_alert(an_alert(status=AlertStatus.BLOCKED))
        assert blocked is not None
    with pytest.raises(ValueError, match="nobody"):
        await _and_fail(ledger)
    assert (heard.is_set(), ledger.arrivals.is_set()) == (False, False)
    async with ledger.begin() as books:
        await add(books)
    assert (heard.is_set(), ledger.arrivals.is_set()) == (True, False)
    heard.clear()
    assert heard_too.is_set(), "each hears of it in its own time"
    async with ledger.begin() as books:
        await books.insert_alert(an_alert())
    assert ledger.arrivals.is_set()
    ledger.arrivals.clear()
    async with ledger.begin() as books:
        assert await books.move_alert(blocked, (AlertStatus.BLOCKED,), AlertStatus.RECEIVED, None)
    assert ledger.arrivals.is_set()


async def _and_fail(ledger: Ledger) -> None:
    async with ledger.begin() as books:
        await add(books)
        await books.insert_alert(an_alert())
        await books.serve_channels([])  # raises


@pytest.mark.parametrize("stored", [True, False])
async def test_news_is_told_when_it_is_stored(ledger: Ledger, stored: bool) -> None:
    """Broken, a fill is told when the channel happens to look, and the last words when the service manager has lost patience."""
    stop = asyncio.Event()
    told = asyncio.create_task(news(ledger.news.listen(), stop, look_every_s=3600))
    if stored:
        async with ledger.begin() as books:
            await add(books)
    else:
        stop.set()
    await asyncio.wait_for(told, 60)


async def test_each_channel_is_told_once(ledger: Ledger) -> None:
    """Broken, one channel's success would hide an event from another, or tell it twice."""
    async with ledger.begin() as books:
        await books.serve_channels(["telegram", "e-mail"])
        first, second = await add(books), await add(books)
        await books.mark_delivered("telegram", [first], NOON)
        assert await waiting(books, "telegram") == [second]
        assert await waiting(books, "e-mail") == [first, second]
        await books.mark_delivered("e-mail", [first, second], NOON)
        await books.mark_delivered("slack", [first, second], NOON)
        assert await waiting(books, "e-mail") == await waiting(books, "slack") == []
        assert await waiting(books, "telegram") == [second]


async def test_failed_attempts_are_counted_with_the_last_error(ledger: Ledger, url: str) -> None:
    """Broken, nobody can find out why a message did not come, or one that failed is not tried again."""
    async with ledger.begin() as books:
        await books.serve_channels(["telegram", "e-mail"])
        first, second = await add(books), await add(books)
        await books.mark_delivered("telegram", [second], NOON)
        await books.delivery_failed("telegram", [first, second], "ClientError")
        await books.delivery_failed("telegram", [first], "Bad Gateway\0")
        await books.delivery_failed("telegram", [], "nothing")
        assert await waiting(books, "telegram") == [first]
    columns = "SELECT event_id, channel, state, attempts, error FROM delivery ORDER BY event_id, channel"
    assert [tuple(row.values()) for row in await ask(url, columns)] == [
        (first, "e-mail", "PENDING", 0, None),
        (first, "telegram", "PENDING", 2, "Bad Gateway\ufffd"),
        (second, "e-mail", "PENDING", 0, None),
        (second, "telegram", "DELIVERED", 1, None),
    ]
    async with ledger.begin() as books:
        await books.mark_delivered("telegram", [first], NOON)
    row = (await ask(url, columns))[1]
    assert (row["state"], row["attempts"], row["error"]) == ("DELIVERED", 3, None)


async def test_the_owner_adds_telegram_later(ledger: Ledger) -> None:
    """Broken, his phone would ring for a year of old news, or what was said while nobody listened would be lost."""
    async with ledger.begin() as books:
        await books.serve_channels(["log"])
        old = [await add(books) for _ in range(3)]
        await books.mark_delivered("log", old, NOON)
        unheard = await add(books)  # as `tradebot pause` stores it while the daemon is down
    async with ledger.begin() as books:
        await books.serve_channels(["telegram"])
        assert await waiting(books, "telegram") == [unheard]
        assert await waiting(books, "log") == []
        new = await add(books)
        assert await waiting(books, "telegram") == [unheard, new]
        assert await waiting(books, "log") == []


async def test_a_channel_that_is_given_up_leaves_nothing_untold(ledger: Ledger) -> None:
    """Broken, what waited for a channel that is configured no more waits for ever, or is told twice."""
    async with ledger.begin() as books:
        await books.serve_channels(["telegram", "e-mail", "slack"])
        both, one, none = await add(books), await add(books), await add(books)
        await books.mark_delivered("telegram", [both, one], NOON)
        await books.mark_delivered("e-mail", [both], NOON)
        await books.serve_channels(["telegram"])
        assert await waiting(books, "telegram") == [none], "the others it had"
        await books.serve_channels(["log"])
        assert await waiting(books, "log") == [none]
        assert await waiting(books, "e-mail") == await waiting(books, "slack") == await waiting(books, "telegram") == []
        await books.serve_channels(["log"])
        assert await waiting(books, "log") == [none], "served again, nothing changes"


async def test_before_any_channel_events_wait_for_the_first(ledger: Ledger) -> None:
    """Broken, what a command stores before the first start is never told."""
    async with ledger.begin() as books:
        early = await add(books)
        await books.serve_channels(["telegram"])
        late = await add(books)
        assert await waiting(books, "telegram") == [early, late]
        with pytest.raises(ValueError, match="nobody"):
            await books.serve_channels([])


async def test_an_event_stored_while_channels_change(url: str) -> None:
    """Broken, a command that pauses while the daemon starts is told to a channel that is not served any more: never."""
    async with open_ledger(url) as ledger, open_ledger(url) as other:
        async with ledger.begin() as books:
            await books.serve_channels(["log"])
        stored, may_end = asyncio.Event(), asyncio.Event()

        async def store() -> None:
            async with other.begin() as books:
                await add(books)
                stored.set()
                await may_end.wait()

        async def change() -> None:
            async with ledger.begin() as books:
                may_end.set()
                await books.serve_channels(["telegram"])

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(store())
            await stored.wait()
            if url.startswith("sqlite"):
                may_end.set()  # a second writer does not even begin
            tasks.create_task(change())
        async with ledger.read() as books:
            assert len(await waiting(books, "telegram")) == 1


@pytest.mark.parametrize("marked", [True, False])
async def test_looking_costs_what_waits_and_not_what_was_told(ledger: Ledger, url: str, *, marked: bool) -> None:
    """Broken, twice a second the daemon reads through every event that it ever stored."""
    at = NOON if url.startswith("postgres") else NOON.isoformat()
    await ask(url, OLD_EVENTS, at=at)
    await ask(url, OLD_DELIVERIES)
    await ask(url, "ANALYZE")
    async with ledger.begin() as books:
        await books.serve_channels(["telegram"])
        new = await add(books)
        if marked:
            await books.mark_delivered("telegram", [new], NOON + timedelta(seconds=1))
        assert await waiting(books, "telegram") == ([] if marked else [new])
    query = """
    SELECT e.id FROM delivery AS d JOIN event AS e ON e.id = d.event_id
    WHERE d.channel = 'telegram' AND d.state = 'PENDING' AND e.severity IN ('INFO', 'WARNING') ORDER BY d.event_id LIMIT 200
    """
    plan = await ask(url, ("EXPLAIN " if url.startswith("postgres") else "EXPLAIN QUERY PLAN ") + query)
    lines = [" ".join(str(value) for value in row.values()) for row in plan]
    assert any("delivery_pending" in line for line in lines), lines
    assert not any("Seq Scan" in line or line.split()[3:4] == ["SCAN"] for line in lines), lines


async def test_a_channel_gets_what_it_wants_and_nothing_else(ledger: Ledger) -> None:
    """Each fill would be an e-mail, or an UNKNOWN order none; and what nobody wants would wait for ever."""
    kinds = [EventKind.BUY_FILLED, EventKind.ALERT_BLOCKED, EventKind.ORDER_UNKNOWN, EventKind.DAILY_REPORT]
    choices = {
        "mail": wanted(Severity.WARNING),
        "slack": wanted(groups=[EventGroup.FILLS, EventGroup.REPORTS]),
        "pager": wanted(Severity.CRITICAL, [EventGroup.FILLS]),
    }
    async with ledger.begin() as books:
        await books.serve_channels(["log", *choices], choices)
        filled, blocked, unknown, report = [await add(books, kind) for kind in kinds]
        assert await waiting(books, "log") == [filled, blocked, unknown, report]
        assert await waiting(books, "mail") == [blocked, unknown]
        assert await waiting(books, "slack") == [filled, report]
        assert await waiting(books, "pager") == []
        await books.serve_channels(["log", "mail"], {"mail": wanted(groups=[EventGroup.FILLS])})
        again = [await add(books, kind) for kind in kinds]
        assert await waiting(books, "mail") == [blocked, unknown, again[0]], "what waited waits on; then the new choice"
        assert await waiting(books, "slack") == []


async def test_what_is_given_up_waits_no_more_and_is_listed(ledger: Ledger) -> None:
    """A receiver that refuses for ever would keep the events of all time, and nobody could read what it never got."""
    async with ledger.begin() as books:
        await books.serve_channels(["log", "hook"])
        ids = [await add(books) for _ in range(3)]
        await books.mark_delivered("log", ids, NOON)
        await books.delivery_failed("hook", ids[:1], "HTTP 500")
        await books.give_up_delivery("hook", ids[:2], "HTTP 410\0")
        await books.give_up_delivery("log", ids, "delivered already")
        assert await waiting(books, "hook") == ids[2:]
        listed = await books.newest_deliveries(10, channel="hook")
        assert [(one.event_id, one.state, one.attempts, one.error) for one in listed] == [
            (ids[0], "FAILED", 2, "HTTP 410\ufffd"),
            (ids[1], "FAILED", 1, "HTTP 410\ufffd"),
            (ids[2], "PENDING", 0, None),
        ]
        assert [one.event_id for one in await books.newest_deliveries(2, states=["DELIVERED"])] == ids[1:]
        assert [event.id for event in await books.events_by_id([ids[2], ids[0]])] == [ids[0], ids[2]]


async def test_a_critical_that_nobody_was_told_of_is_found(ledger: Ledger) -> None:
    """The owner believes that silence is well, while his only channel is dead."""
    ways = ["mail", "slack"]
    async with ledger.begin() as books:
        await books.serve_channels(["log", *ways], {"slack": wanted(Severity.CRITICAL)})
        await add(books, EventKind.ALERT_BLOCKED)
        assert await books.untold_since(ways) is None, "it can wait until morning"
        critical = await add(books, EventKind.ORDER_UNKNOWN)
        await books.mark_delivered("log", [critical], NOON)
        assert await books.untold_since(ways) == NOON
        await books.give_up_delivery("slack", [critical], "gone")
        assert await books.untold_since(ways) == NOON
        await books.mark_delivered("mail", [critical], NOON)
        assert await books.untold_since(ways) is None
