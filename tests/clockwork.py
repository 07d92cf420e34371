"""The jobs and their scheduler around a bot that need not run: a test moves the time and lets the scheduler tick."""

from datetime import UTC, datetime, timedelta

from tests.bot import Bot
from tradebot.domain.alerts import AlertStatus, NewAlert, Side
from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.events import Event, EventKind
from tradebot.domain.job_plan import plans
from tradebot.runtime.build import scheduler
from tradebot.runtime.scheduler import Scheduler, Work


def new_york(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    """The instant, in UTC: arithmetic on New York's own times would go by the wall clock."""
    return datetime(year, month, day, hour, minute, second, tzinfo=NEW_YORK).astimezone(UTC)


class Clockwork:
    def __init__(self, bot: Bot, *, fresh: bool = False) -> None:
        """`fresh`: no job has ever run in this database; else each has, an hour ago."""
        self.bot = bot
        self.hours = bot.options.hours
        self.queries = bot.queries
        self.work: dict[str, Work] = dict(bot.built.jobs)
        self.plans = plans(bot.options.crons, self.hours.calendar)
        self._used_at: datetime | None = None if fresh else bot.clock.now() - timedelta(hours=1)
        self.scheduler = self.start()

    def start(self) -> Scheduler:
        """As when the daemon starts: nothing in memory, everything in the database."""
        self.scheduler = scheduler(self.bot.built.outside, self.bot.options, self.work)
        return self.scheduler

    def set(self, at: datetime) -> None:
        self.bot.clock.skip((at - self.bot.clock.now()).total_seconds())

    async def at(self, at: datetime) -> None:
        """It is this time, and the scheduler looks at its clock."""
        self.set(at)
        await self._use()
        await self.scheduler.tick(self.bot.clock.now())

    async def _use(self) -> None:
        if self._used_at is not None:
            async with self.bot.ledger.begin() as books:
                for plan in self.plans:
                    await books.record_job(plan.name, self._used_at)
            self._used_at = None

    async def run_to(self, end: datetime) -> None:
        """Time goes by; the scheduler wakes whenever something is due."""
        await self._use()
        await self.scheduler.tick(self.bot.clock.now())
        while (due := self.scheduler.next_due()) < end:
            await self.at(due + timedelta(milliseconds=40))
        self.set(end)

    async def told(self, *kinds: EventKind) -> list[Event]:
        async with self.bot.ledger.read() as books:
            return list(await books.events_since(kinds, datetime(2000, 1, 1, tzinfo=UTC)))

    async def runs(self, job: str) -> datetime | None:
        async with self.bot.ledger.read() as books:
            return (await books.job_runs()).get(job)

    async def pending(self, ticker: str, side: Side, at: datetime) -> int:
        """An alert that came while the market was closed."""
        key = f"{side}:{ticker}:{at.isoformat()}"
        new = NewAlert(
            received_at=at,
            ticker=ticker,
            action=side,
            price=None,
            alert_time=None,
            primary_exchange=None,
            idempotency_key=key,
            payload_hash=key,
            raw_body=b"",
            source_ip=None,
            status=AlertStatus.PENDING,
            reason="the market is closed",
        )
        async with self.bot.ledger.begin() as books:
            alert_id = await books.insert_alert(new)
        assert alert_id is not None
        return alert_id
