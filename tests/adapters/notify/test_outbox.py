"""The loop that serves a channel: nothing is lost, nothing told twice, and nobody waits for another one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tests.facts import bought
from tradebot.domain.delivery import Delivery
from tradebot.domain.events import Event, EventKind, Facts, NewEvent
from tradebot.domain.facts.account import BrokerUnreachable
from tradebot.domain.facts.daemon import ComponentStuck, Started
from tradebot.notify.channel import CRITICALS_FIRST, Lanes, NotDelivered
from tradebot.notify.outbox import LAST_WORDS_S, Outbox
from tradebot.notify.retry import BACKOFF_MAX_S, RETRY_AFTER_MAX_S, again_in_s
from tradebot.ports import Beat
from tradebot.queries.parts import ChannelState

HOOK, LOG = "hook", "log"


@dataclass
class Batch:
    events: Sequence[Event]


@dataclass
class FakeChannel:
    """Takes what comes, a few events a message, unless a test lets it fail or hang."""

    name: str = HOOK
    lanes: Lanes = CRITICALS_FIRST
    pace_s: float = 0.0
    keeps_all: bool = False
    holds: int = 200
    trouble: Callable[[], NotDelivered] | None = None
    hangs: bool = False
    taken: list[list[int]] = field(default_factory=list)
    tried: list[float] = field(default_factory=list)
    refuse: Callable[[Batch], None] = lambda message: None
    on_taken: Callable[[], None] = lambda: None
    is_closed: bool = False

    def fold(self, events: Sequence[Event], now: datetime) -> Batch:
        return Batch(events[: self.holds])

    async def send(self, message: Batch, beat: Beat) -> None:
        self.tried.append(asyncio.get_running_loop().time())
        if self.hangs:
            await asyncio.Event().wait()
        if self.trouble is not None:
            raise self.trouble()
        self.refuse(message)
        self.taken.append([event.id for event in message.events])
        self.on_taken()

    async def check(self) -> str:
        return "there"

    async def close(self) -> None:
        self.is_closed = True

    @property
    def told(self) -> list[int]:
        return [one for batch in self.taken for one in batch]


@pytest.fixture
async def bot(make_bot: MakeBot) -> Bot:
    made = await make_bot()
    async with made.ledger.begin() as books:
        await books.serve_channels([LOG, HOOK])
    return made


@asynccontextmanager
async def serving(bot: Bot, *channels: FakeChannel) -> AsyncIterator[Callable[[], asyncio.Future[list[None]]]]:
    """Yields what stops them, to be awaited."""
    stop, states = asyncio.Event(), bot.queries.channels.states
    tasks = []
    for channel in channels:
        states[channel.name] = ChannelState()
        outbox = Outbox(channel, bot.ledger, bot.clock, lambda: None, states[channel.name])
        tasks.append(asyncio.create_task(outbox.run(stop)))

    def end() -> asyncio.Future[list[None]]:
        stop.set()
        return asyncio.gather(*tasks)

    try:
        yield end
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def add(bot: Bot, facts: Facts | None = None) -> int:
    async with bot.ledger.begin() as books:
        return await books.add_event(NewEvent(facts or bought("AAPL"), bot.clock.now()))


async def deliveries(bot: Bot, channel: str = HOOK) -> Sequence[Delivery]:
    async with bot.ledger.read() as books:
        return await books.newest_deliveries(1000, channel=channel)


async def told_of_channels(bot: Bot) -> list[str]:
    kinds = (EventKind.CHANNEL_FAILING, EventKind.CHANNEL_BACK)
    return [event.kind for event in await bot.events() if event.kind in kinds]


def delivered(bot: Bot, channel: str = HOOK, number: int = 1) -> Callable[[], "asyncio.Future[bool]"]:
    async def look() -> bool:
        return sum(one.state == "DELIVERED" for one in await deliveries(bot, channel)) >= number

    return look  # type: ignore[return-value]


async def test_a_channel_that_hangs_delays_no_other_one(bot: Bot) -> None:
    """A mail server that says nothing would silence the log, and Slack with it."""
    dead, log = FakeChannel(hangs=True), FakeChannel(LOG)
    async with serving(bot, dead, log):
        ids = [await add(bot) for _ in range(3)]
        await bot.sooner_or_later(delivered(bot, LOG, 3), "the log has them")
        await bot.seconds(40, at_once=10)
        ids.append(await add(bot))
        await bot.sooner_or_later(delivered(bot, LOG, 4), "the log has that too")
    assert log.told == ids
    assert [one.state for one in await deliveries(bot)] == ["PENDING"] * 4
    assert bot.queries.channels.states[HOOK].error == "no answer within 30 s"


async def test_what_matters_most_goes_first_and_waits_for_no_pace(bot: Bot) -> None:
    """An UNKNOWN order would be told after an hour of fills, or when the mail's pause is over."""
    calm = FakeChannel(pace_s=30, holds=2)
    async with serving(bot, calm):
        first = await add(bot)
        await bot.sooner_or_later(delivered(bot), "the first is out")
        fills = [await add(bot) for _ in range(3)]
        await bot.seconds(5)
        critical = await add(bot, ComponentStuck("worker", 1.0, restarts=False))
        await bot.sooner_or_later(delivered(bot, number=2), "the critical is out")
        assert calm.told == [first, critical]
        await bot.sooner_or_later(delivered(bot, number=4), "what waited")
    assert calm.taken == [[first], [critical], fills[:2]]


async def test_what_was_asked_for_is_waited_for(bot: Bot) -> None:
    """A service that is asked again too early locks the bot out for ever longer."""
    channel = FakeChannel(trouble=lambda: NotDelivered("HTTP 429", retry_after_s=90))
    async with serving(bot, channel):
        event = await add(bot)
        await bot.until(lambda: _tried(channel, 1), "the first attempt")
        channel.trouble = None
        await bot.seconds(85, at_once=17)
        assert len(channel.tried) == 1
        await bot.sooner_or_later(delivered(bot), "it is out")
    assert channel.told == [event]
    assert channel.tried[1] - channel.tried[0] > 89


async def _tried(channel: FakeChannel, times: int) -> bool:
    return len(channel.tried) >= times


def test_a_long_outage_is_waited_out() -> None:
    """After a night of failures their number is beyond what is doubled: the loop would fail by itself, and never give up."""
    assert [again_in_s(failures) for failures in (1, 2, 7, 5000)] == [1, 2, BACKOFF_MAX_S, BACKOFF_MAX_S]
    assert [again_in_s(3, asked_s) for asked_s in (1, 90, 1e9)] == [4, 90, RETRY_AFTER_MAX_S]


async def test_what_is_refused_is_given_up_and_told_once(bot: Bot) -> None:
    """A deleted webhook would keep its events for ever; or the owner would never hear of it, or with every event."""
    channel, log = FakeChannel(trouble=lambda: NotDelivered("HTTP 410", is_refused=True), holds=1), FakeChannel(LOG)
    async with serving(bot, channel, log):
        first = await add(bot)
        await bot.sooner_or_later(lambda: _failed(bot, 1), "it is given up")
        given_up = {one.event_id: (one.state, one.attempts, one.error) for one in await deliveries(bot)}
        assert given_up[first] == ("FAILED", 5, "HTTP 410")
        assert await told_of_channels(bot) == [EventKind.CHANNEL_FAILING]
        channel.trouble = None
        await bot.sooner_or_later(lambda: _told(bot, EventKind.CHANNEL_BACK), "it is told that it is back")
        assert await told_of_channels(bot) == [EventKind.CHANNEL_FAILING, EventKind.CHANNEL_BACK]
        later = await add(bot)
        await bot.sooner_or_later(delivered(bot, number=3), "what comes later")
    assert first not in channel.told
    assert later in channel.told
    assert first in log.told


async def test_one_that_is_never_taken_takes_no_other_along(bot: Bot) -> None:
    """A burst with one odd event in it would be lost whole."""
    channel, ids = FakeChannel(), [await add(bot) for _ in range(3)]

    def refuse(message: Batch) -> None:
        if ids[1] in [event.id for event in message.events]:
            raise NotDelivered("HTTP 400", is_refused=True)

    channel.refuse = refuse
    async with serving(bot, channel):
        await bot.sooner_or_later(lambda: _failed(bot, 1), "the odd one is given up")
        await bot.sooner_or_later(delivered(bot, number=2), "the others arrive", 120)
    assert [one.event_id for one in await deliveries(bot) if one.state == "FAILED"] == [ids[1]]
    assert {ids[0], ids[2]} <= set(channel.told)


async def _failed(bot: Bot, number: int) -> bool:
    return sum(one.state == "FAILED" for one in await deliveries(bot)) == number


async def _told(bot: Bot, kind: EventKind) -> bool:
    return kind in await told_of_channels(bot)


async def test_what_fails_for_minutes_is_told_and_waits(bot: Bot) -> None:
    """The owner would miss Slack's silence, or be told of every hiccup; or what happened meanwhile would be lost."""
    channel = FakeChannel(trouble=lambda: NotDelivered("not reached"))
    async with serving(bot, channel):
        event = await add(bot)
        await bot.seconds(240, at_once=40)
        assert await told_of_channels(bot) == []
        await bot.seconds(240, at_once=40)
        assert await told_of_channels(bot) == [EventKind.CHANNEL_FAILING]
        channel.trouble = None
        await bot.sooner_or_later(lambda: _told(bot, EventKind.CHANNEL_BACK), "it is told that it is back")
    assert event in channel.told
    [gone] = [one for one in await deliveries(bot) if one.event_id == event]
    assert (gone.state, gone.error) == ("DELIVERED", None)
    assert gone.attempts > 5


async def test_what_was_tried_in_vain_for_a_day_is_given_up_but_not_the_owners(bot: Bot) -> None:
    """A dead receiver would pile up events for years; or the log would forget what nobody else has told."""
    channel = FakeChannel(trouble=lambda: NotDelivered("not reached"))
    log = FakeChannel(LOG, keeps_all=True, trouble=lambda: NotDelivered("not reached"))
    async with serving(bot, channel, log):
        await add(bot)
        await bot.until(lambda: _tried(channel, 1), "an attempt")
        bot.clock.skip(25 * 3600)
        await bot.sooner_or_later(lambda: _failed(bot, 1), "it is given up")
        await bot.until(lambda: _tried(log, 2), "the log is tried again")
    assert (await deliveries(bot, LOG))[0].state == "PENDING"


async def test_what_waited_for_the_bot_is_not_given_up_at_the_first_failure(bot: Bot) -> None:
    """A bot that was down over the weekend would drop its last words because the mail server was late at the start."""
    channel = FakeChannel(trouble=lambda: NotDelivered("not reached"))
    event = await add(bot)
    bot.clock.skip(60 * 3600)
    async with serving(bot, channel):
        await bot.until(lambda: _tried(channel, 1), "the first attempt")
        channel.trouble = None
        await bot.sooner_or_later(delivered(bot), "it is out")
    assert channel.told == [event]


async def test_what_was_sent_while_the_database_was_away_is_not_sent_again(bot: Bot) -> None:
    """Each hiccup of the database would repeat the last messages."""
    channel = FakeChannel()

    def away() -> None:
        bot.ledger.away = True

    channel.on_taken = away
    async with serving(bot, channel):
        event = await add(bot)
        await bot.until(lambda: _tried(channel, 1), "it is sent")
        await bot.seconds(5)
        bot.ledger.away = False
        channel.on_taken = lambda: None
        await bot.sooner_or_later(delivered(bot), "it is marked")
    assert channel.taken == [[event]]


async def test_the_last_words_are_told_and_have_their_time(bot: Bot) -> None:
    """The end of the daemon would be told nobody, or wait for a receiver that hangs."""
    well, dead, broken = FakeChannel(LOG), FakeChannel(hangs=True), FakeChannel("more")
    broken.trouble = lambda: NotDelivered("not reached")
    async with bot.ledger.begin() as books:
        await books.serve_channels([LOG, HOOK, "more"])
    async with serving(bot, well, dead, broken) as stop:
        last = await add(bot, Started("0.0.0", None, None))
        ended = stop()
        await bot.until(lambda: _tried(dead, 1), "the dead one is tried")
        await bot.seconds(int(LAST_WORDS_S) + 1)
        assert ended.done()
    assert well.told == [last]
    assert [one.is_closed for one in (well, dead, broken)] == [True] * 3


async def test_a_defect_in_one_message_silences_nothing(bot: Bot) -> None:
    """One odd event would end a channel until the next start."""
    channel = FakeChannel()

    def defect() -> NotDelivered:
        channel.trouble = None
        raise ZeroDivisionError

    channel.trouble = defect
    async with serving(bot, channel):
        event = await add(bot)
        await bot.sooner_or_later(delivered(bot), "it is delivered after all")
    assert channel.told == [event]


async def test_a_critical_that_reaches_nobody_is_seen_in_health(bot: Bot) -> None:
    """The owner, or his dead-man's switch, would take silence for well."""
    channel = FakeChannel(trouble=lambda: NotDelivered("not reached"))
    bot.queries.channels.served = (LOG, HOOK)
    async with serving(bot, channel, FakeChannel(LOG)):
        await add(bot, BrokerUnreachable(1, "down"))
        await bot.sooner_or_later(delivered(bot, LOG), "the log has it")
        assert (await bot.queries.health()).parts["channels"]["ok"] is True
        await bot.seconds(320, at_once=40)
        part = (await bot.queries.health()).parts["channels"]
        assert (part["ok"], part["failing"]) == (False, {HOOK: "not reached"})
        channel.trouble = None
        await bot.sooner_or_later(delivered(bot), "it is told")
        assert (await bot.queries.health()).parts["channels"]["ok"] is True
