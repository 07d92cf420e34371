"""The jobs and their scheduler around a bot that need not run: a test moves the time and lets the scheduler tick."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from tests.bot import Bot
from tradebot.config import Settings
from tradebot.domain.alerts import AlertStatus, NewAlert, Side
from tradebot.domain.calendar import NEW_YORK, Calendar
from tradebot.domain.events import Event, EventKind
from tradebot.domain.hours import Hours
from tradebot.domain.job_plan import plans
from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.restart_window import NO_RESTART, RestartWindow
from tradebot.queries.status import Fixed, Overview
from tradebot.runtime.jobs.jobs import Jobs
from tradebot.runtime.scheduler import Scheduler, Work

CRONS = Settings().schedule.crons()


def new_york(*parts: int) -> datetime:
    """The instant, in UTC: arithmetic on New York's own times would go by the wall clock."""
    return datetime(*parts, tzinfo=NEW_YORK).astimezone(UTC)


class Clockwork:
    def __init__(
        self,
        bot: Bot,
        *,
        crons: dict[str, str] | None = None,
        restart: RestartWindow = NO_RESTART,
        heartbeat: Callable[[], Awaitable[None]] | None = None,
        fresh: bool = False,
    ) -> None:
        """`fresh`: no job has ever run in this database; else each has, an hour ago."""
        self.bot = bot
        self.hours = Hours(Calendar())
        fixed = Fixed(Limits(), FixedLimits(), self.hours, (), bot.clock(), "test")
        self.overview = Overview(bot.ledger, bot.queue, bot.broker, bot.lock, bot.gate, bot.switch, fixed, bot.clock)
        jobs = Jobs(bot.ledger, self.overview, requeue=bot.requeue.run_once, restart=restart, heartbeat=heartbeat)
        self.work: dict[str, Work] = dict(jobs.by_name())
        self.plans = plans({**CRONS, **(crons or {})}, self.hours.calendar)
        self._used_at: datetime | None = None if fresh else bot.clock() - timedelta(hours=1)
        self.scheduler = self.start()

    def start(self) -> Scheduler:
        """As when the daemon starts: nothing in memory, everything in the database."""
        self.scheduler = Scheduler(
            self.bot.ledger, [(plan, self.work[plan.name]) for plan in self.plans], self.bot.clock
        )
        return self.scheduler

    def set(self, at: datetime) -> None:
        self.bot.clock.skip((at - self.bot.clock()).total_seconds())

    async def at(self, at: datetime) -> None:
        """It is this time, and the scheduler looks at its clock."""
        self.set(at)
        await self._use()
        await self.scheduler.tick(self.bot.clock())

    async def _use(self) -> None:
        if self._used_at is not None:
            async with self.bot.ledger.begin() as books:
                for plan in self.plans:
                    await books.record_job(plan.name, self._used_at)
            self._used_at = None

    async def run_to(self, end: datetime) -> None:
        """Time goes by; the scheduler wakes whenever something is due."""
        await self._use()
        await self.scheduler.tick(self.bot.clock())
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
