"""The way in: what is stored, what is the same alert, what the queue gets. Real databases, real queues."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.fakes import FixedClock
from tradebot.database import migrate, open_ledger
from tradebot.domain.alerts import Alert, AlertStatus, Side
from tradebot.domain.events import Event, EventKind
from tradebot.domain.facts.alerts import AlertRepeated
from tradebot.domain.instructions import read
from tradebot.domain.strategies import Sizing, Strategies, Strategy
from tradebot.errors import LedgerUnavailable
from tradebot.ports import Ledger, Queue
from tradebot.queues import EmbeddedQueue
from tradebot.queues.redis import open_redis_queue
from tradebot.trading.alert_rows import Accepted, Outcome
from tradebot.trading.intake import Intake
from tradebot.trading.new_alerts import exit_of
from tradebot.words import alert_events
from tradebot.words import events as words

NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
BUY: Mapping[str, object] = {"secret": "***", "action": "buy", "ticker": "NASDAQ:AAPL", "price": "187.32"}


@dataclass
class House:
    ledger: Ledger
    queue: Queue
    intake: Intake = field(init=False)
    now: datetime = NOON
    clock_off: timedelta = timedelta()
    """How far the clock has been set off what it should be."""

    @classmethod
    def on(cls, ledger: Ledger) -> "House":
        house = cls(ledger, EmbeddedQueue())
        house.start()
        return house

    def start(self, *strategies: Strategy) -> None:
        """A new process on the same database."""
        clock = FixedClock(lambda: self.now + self.clock_off, self._elapsed_s)
        there = Strategies({one.name: one for one in strategies}) if strategies else None
        self.intake = Intake(self.ledger, self.queue, clock, strategies=there, store_within_s=60)

    def _elapsed_s(self) -> float:
        return self.now.timestamp()

    async def send(self, **changes: object) -> Accepted:
        return await self.intake.accept({**BUY, **changes}, b"raw", "203.0.113.7")

    async def alert(self, alert_id: int) -> Alert:
        async with self.ledger.read() as books:
            found = await books.alert(alert_id)
        assert found is not None
        return found

    async def rows(self) -> int:
        async with self.ledger.read() as books:
            return len(await books.alerts(tuple(AlertStatus)))

    async def events(self) -> list[Event]:
        async with self.ledger.read() as books:
            return list(await books.events())


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    return f"sqlite:///{tmp_path}/tradebot.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
async def house(url: str) -> AsyncIterator[House]:
    await migrate.up(url)
    async with open_ledger(url) as ledger:
        house = House.on(ledger)
        yield house
        await house.intake.finish()


async def test_an_alert_is_stored_with_its_event_and_then_queued(house: House) -> None:
    """An alert answered with 200 would not be in the database, or no one would take it up."""
    got = await house.send(time="2026-11-20T17:00:00Z")
    assert got.status is Outcome.QUEUED
    alert = await house.alert(got.alert_id)
    assert (alert.action, alert.ticker, alert.primary_exchange) == (Side.BUY, "AAPL", "NASDAQ")
    assert (str(alert.price), alert.status, alert.received_at) == ("187.32", AlertStatus.RECEIVED, NOON)
    assert (alert.raw_body, alert.source_ip) == (b"raw", "203.0.113.7")
    assert [(event.kind, event.alert_id) for event in await house.events()] == [(EventKind.ALERT_STORED, got.alert_id)]
    await house.intake.finish()
    assert (await house.queue.contents()).buy == (got.alert_id,)


@pytest.mark.parametrize("identity", [{"alert_id": "a-1"}, {"time": "2026-11-20T17:00:00Z"}, {}])
async def test_a_resend_is_a_duplicate(house: House, identity: Mapping[str, object]) -> None:
    """TradingView's resends would be second orders."""
    first = await house.send(**identity)
    house.now += timedelta(seconds=14)
    again = [await house.send(**identity) for _ in range(3)]
    assert again == [Accepted(Outcome.DUPLICATE, first.alert_id, ticker="AAPL")] * 3
    await house.intake.finish()
    assert (await house.queue.contents()).buy == (first.alert_id,)
    assert (await house.alert(first.alert_id)).duplicates == 3
    assert len(await house.events()) == 1


@pytest.mark.parametrize("identity", [{"alert_id": "a-1"}, {"time": "2026-11-20T17:00:00Z"}, {}])
async def test_the_same_alert_twenty_times_at_once_is_one(house: House, identity: Mapping[str, object]) -> None:
    """Two requests at the same instant would each find nothing and each be stored."""
    got = await asyncio.gather(*(house.send(**identity) for _ in range(20)))
    assert sorted(one.status for one in got) == [Outcome.DUPLICATE] * 19 + [Outcome.QUEUED]
    assert len({one.alert_id for one in got}) == 1
    assert await house.rows() == 1


async def test_words_alone_are_the_same_alert_for_a_minute_only(house: House) -> None:
    """A strategy without id and time could buy a stock once in its life."""
    first = await house.send()
    house.now += timedelta(seconds=61)
    second = await house.send()
    assert second.status is Outcome.QUEUED
    assert second.alert_id != first.alert_id


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_step_of_the_clock_makes_no_message_older_or_younger(house: House, hours: int) -> None:
    """TradingView's resend would be a second order, or an exit would pass for a duplicate for an hour."""
    first = await house.send()
    house.clock_off = timedelta(hours=hours)
    house.now += timedelta(seconds=5)
    again = await house.send()
    assert (again.status, again.alert_id) == (Outcome.DUPLICATE, first.alert_id)
    house.now += timedelta(seconds=56)
    assert (await house.send()).status is Outcome.QUEUED


async def test_the_last_minute_reaches_over_a_restart(house: House) -> None:
    """A resend that meets the next process would be a second order."""
    first = await house.send()
    house.now += timedelta(seconds=30)
    house.start()
    assert (await house.send()).alert_id == first.alert_id
    house.now += timedelta(seconds=31)
    assert (await house.send()).status is Outcome.QUEUED


async def test_a_clock_set_back_over_a_restart_costs_a_minute_at_most(house: House) -> None:
    """Nobody knows how old an alert of the clock's future is: an exit would pass for a duplicate until then."""
    first = await house.send()
    house.clock_off = timedelta(hours=-1)
    house.start()
    assert (await house.send()).alert_id == first.alert_id
    house.now += timedelta(seconds=61)
    assert (await house.send()).status is Outcome.QUEUED


async def test_the_same_id_with_other_words_is_a_conflict_that_is_told(house: House) -> None:
    """A constant alert_id in a template would silently swallow every alert but the first."""
    first = await house.send(alert_id="mine")
    got = await house.send(alert_id="mine", action="sell")
    assert (got.status, got.alert_id) == (Outcome.CONFLICT, first.alert_id)
    assert got.conflict is not None
    assert '"alert_id" mine was used already by alert 1 (BUY AAPL)' in alert_events.conflict(got.conflict)
    told = (await house.events())[-1]
    assert told.kind is EventKind.ALERT_CONFLICT
    assert "SELL AAPL was refused and is NOT traded" in words.text(told)
    assert await house.rows() == 1
    await house.intake.finish()
    assert (await house.queue.contents()).sell == ()


async def test_what_is_not_understood_is_kept_and_told_once_an_hour(house: House) -> None:
    """A wrong template would lose alerts without a word, or flood the owner with the same one."""
    got = await house.send(ticker="LSE:AAL")
    assert got.status is Outcome.REJECTED
    alert = await house.alert(got.alert_id)
    assert alert.status is AlertStatus.REJECTED
    assert alert.reason == got.reason
    house.now += timedelta(minutes=59)
    assert await house.send(ticker="LSE:AAL") == got
    assert [event.kind for event in await house.events()] == [EventKind.ALERT_REJECTED]
    assert (await house.alert(got.alert_id)).duplicates == 1
    house.now += timedelta(minutes=2)
    later = await house.send(ticker="LSE:AAL")
    assert later.alert_id != got.alert_id
    assert [event.kind for event in await house.events()] == [EventKind.ALERT_REJECTED] * 2
    await house.intake.finish()
    assert (await house.queue.contents()).buy == ()


async def test_what_the_configuration_allows_since_is_traded_and_what_it_does_not_is_told(house: House) -> None:
    """The same words, sent again after the file was corrected, would pass for the refused alert; or be refused without a word."""
    words_alone = {"quantity": 5}
    assert (await house.send(**words_alone)).status is Outcome.REJECTED
    house.start(Strategy(name="main", sizing=Sizing.ALERT))
    house.now += timedelta(seconds=20)
    taken = await house.send(**words_alone)
    assert (taken.status, taken.alert_id) == (Outcome.QUEUED, 2)
    house.start()
    house.now += timedelta(minutes=5)
    assert (await house.send(**words_alone)).status is Outcome.REJECTED
    assert [event.kind for event in await house.events()] == [
        EventKind.ALERT_REJECTED,
        EventKind.ALERT_STORED,
        EventKind.ALERT_REJECTED,
    ]


async def test_a_mended_template_may_use_its_alert_id(house: House) -> None:
    """The alert that was rejected for a typing mistake could never be sent again with its id."""
    assert (await house.send(alert_id="x", action="bye")).status is Outcome.REJECTED
    assert (await house.send(alert_id="x", action="buy")).status is Outcome.QUEUED


async def test_a_message_that_is_no_json_is_kept_too(house: House) -> None:
    """An unquoted empty placeholder, the commonest mistake of all, would leave no trace."""
    got = await house.intake.reject("not JSON", b'{"price": }', "203.0.113.7")
    again = await house.intake.reject("not JSON", b'{"price": }', "203.0.113.7")
    assert again == got
    assert (await house.alert(got.alert_id)).raw_body == b'{"price": }'
    assert words.text((await house.events())[0]) == "An alert was not understood and is NOT traded. not JSON"


async def test_the_bots_own_alerts_come_the_same_way(house: House) -> None:
    """/sell_all pressed twice would sell twice, or its alert would be mistaken for TradingView's."""
    got = await house.intake.own(exit_of("BRK B", None), "sell_all:7:BRK B", actor="owner")
    again = await house.intake.own(exit_of("BRK B", None), "sell_all:7:BRK B", actor="owner")
    other = await house.send(alert_id="sell_all:7:BRK B")
    assert (got.status, again.status, other.status) == (Outcome.QUEUED, Outcome.DUPLICATE, Outcome.QUEUED)
    assert (await house.alert(got.alert_id)).ticker == "BRK B"
    assert (await house.events())[0].actor == "owner"
    await house.intake.finish()
    assert (await house.queue.contents()).sell == (got.alert_id,)


async def test_the_bots_own_alerts_are_one_a_strategy(house: House) -> None:
    """/sell_all of a stock that two strategies hold would sell the shares of one; pressed twice, twice those of both."""
    got = [
        await house.intake.own(exit_of("AAPL", None), "sell_all:7:AAPL", actor="owner", strategy=s)
        for s in ("main", "ema")
    ]
    again = [
        await house.intake.own(exit_of("AAPL", None), "sell_all:7:AAPL", actor="owner", strategy=s)
        for s in ("main", "ema")
    ]
    assert [one.status for one in (*got, *again)] == [Outcome.QUEUED] * 2 + [Outcome.DUPLICATE] * 2
    assert [one.alert_id for one in again] == [one.alert_id for one in got]
    rows = [await house.alert(one.alert_id) for one in got]
    assert [row.strategy for row in rows] == ["main", "ema"]
    assert rows[0].idempotency_key == "own:sell_all:7:AAPL"
    for row in rows:
        assert row.instruction is not None
        assert (read(row.instruction).side, read(row.instruction).is_partial) == (Side.SELL, False)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # where one transaction holds up all others
async def test_an_alert_that_is_stored_too_late_is_not_lost_and_not_doubled(house: House) -> None:
    """The resend of an alert whose commit came after the deadline would be a second order."""
    house.intake.store_within_s = 0.1
    async with house.ledger.begin():  # somebody holds the database
        with pytest.raises(LedgerUnavailable, match=r"within 0\.1 s"):
            await house.send()
    house.intake.store_within_s = 60
    house.now += timedelta(seconds=7)
    assert (await house.send()).status is Outcome.DUPLICATE
    assert await house.rows() == 1
    await house.intake.finish()
    assert (await house.queue.contents()).buy == (1,)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)  # where one transaction holds up all others
async def test_a_caller_who_is_cancelled_does_not_stop_the_storing(house: House) -> None:
    """A client that hangs up, or a stop of the bot, would leave an alert half stored."""
    async with house.ledger.begin():
        sending = asyncio.create_task(house.send())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    await house.intake.finish()
    assert await house.rows() == 1
    assert (await house.queue.contents()).buy == (1,)


async def test_a_queue_that_is_away_costs_nothing(house: House, unused_tcp_port: int) -> None:
    """Alerts would be refused because Redis restarts, although the database has them."""
    async with open_redis_queue(f"redis://127.0.0.1:{unused_tcp_port}") as queue:
        intake = Intake(house.ledger, queue, FixedClock(lambda: NOON), store_within_s=60)
        got = await intake.accept(BUY, b"raw", None)
        await intake.finish()
    assert got.status is Outcome.QUEUED
    assert (await house.alert(got.alert_id)).status is AlertStatus.RECEIVED


async def test_a_burst_reaches_the_queue_in_order_with_exits_first(house: House) -> None:
    """Alerts of one ticker would overtake each other between database and queue."""
    got = [await house.send(alert_id=n, action="sell" if n % 2 else "buy") for n in range(20)]
    await house.intake.finish()
    contents = await house.queue.contents()
    assert contents.buy == tuple(one.alert_id for one in got[::2])
    assert contents.sell == tuple(one.alert_id for one in got[1::2])


async def test_a_duplicate_later_than_a_resend_is_told(house: House) -> None:
    """An alert_id that says "Long" for ever would trade once in its life, and nobody would hear of the rest."""
    identity = {"alert_id": "Long"}
    first = await house.send(**identity)
    house.now += timedelta(seconds=16)
    assert (await house.send(**identity)).status is Outcome.DUPLICATE
    house.now += timedelta(seconds=30)
    await house.send(**identity)  # within the minute: counted, not told again
    house.now += timedelta(days=1)
    await house.send(**identity)
    told = [event.facts for event in await house.events() if isinstance(event.facts, AlertRepeated)]
    assert [(one.known_alert, one.alert_key, one.side) for one in told] == [(first.alert_id, "Long", Side.BUY)] * 2
    assert (await house.alert(first.alert_id)).duplicates == 3


async def test_a_repeat_of_the_bots_own_alert_is_nobodys_mistake(house: House) -> None:
    """A second press on the same button would be told as a mistake in a template."""
    await house.intake.own(exit_of("AAPL", None), "press 1", actor="owner")
    house.now += timedelta(hours=1)
    assert (await house.intake.own(exit_of("AAPL", None), "press 1", actor="owner")).status is Outcome.DUPLICATE
    assert not [event for event in await house.events() if event.kind is EventKind.ALERT_REPEATED]


_ONE = {"alert_id": "a-1"}
_TWO = {"alert_id": "a-2", "ticker": "NASDAQ:MSFT", "action": "sell"}
_NO_KEY = {"ticker": "NYSE:KO"}
_MORE: list[dict[str, object]] = [
    {"alert_id": "a-3", "ticker": "NASDAQ:TSLA"},
    {"ticker": "NASDAQ:NVDA"},
    {"alert_id": "a-4", "comment": "of a strategy of mine"},
    {"alert_id": "a-5", "ticker": "NASDAQ:MSFT"},
]


@pytest.mark.parametrize(
    ("sent", "becomes"),
    [
        (_MORE, "4 queued"),
        ([_MORE[0], _ONE, _MORE[1], _NO_KEY, _TWO], "2 queued, 3 duplicate"),
        ([_MORE[0], {**_ONE, "price": "1.00"}, _MORE[3]], "2 queued, 1 conflict"),
        ([_MORE[0], _MORE[0], _MORE[1], _MORE[1], {**_MORE[0], "price": "1.00"}], "2 queued, 2 duplicate, 1 conflict"),
    ],
    ids=["new", "some there", "a conflict", "twice in it"],
)
async def test_a_burst_is_stored_as_one_after_another(
    house: House, sent: list[dict[str, object]], becomes: str
) -> None:
    """What comes together with others would be doubled, lost, or told otherwise than what comes alone."""
    for known in (_ONE, _TWO, _NO_KEY):
        await house.send(**known)
    before = await house.rows()
    async with house.ledger.begin():  # they wait together
        sending = [asyncio.create_task(house.send(**fields)) for fields in sent]
        await asyncio.sleep(0.05)
    got = await asyncio.gather(*sending)
    counted = {status: sum(one.status == status for one in got) for status in Outcome}
    assert ", ".join(f"{number} {status}" for status, number in counted.items() if number) == becomes
    assert await house.rows() == before + counted[Outcome.QUEUED]
    fresh = [one.alert_id for one in got if one.status is Outcome.QUEUED]
    assert fresh == sorted(set(fresh))
    events = await house.events()
    assert [event.alert_id for event in events if event.kind is EventKind.ALERT_STORED][before:] == fresh
    for one, fields in zip(got, sent, strict=True):
        assert (await house.alert(one.alert_id)).ticker == str(fields.get("ticker", "NASDAQ:AAPL")).partition(":")[2]
    duplicates = [(await house.alert(one.alert_id)).duplicates for one in got if one.status is Outcome.DUPLICATE]
    assert duplicates == [1] * counted[Outcome.DUPLICATE]
    await house.intake.finish()
    contents = await house.queue.contents()
    assert {*contents.buy, *contents.sell} == {*range(1, before + 1), *fresh}
