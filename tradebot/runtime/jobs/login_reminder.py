"""Sunday's reminder: IB Gateway wants its weekly login by hand."""

from dataclasses import dataclass
from datetime import datetime

from tradebot.domain.calendar import Calendar
from tradebot.domain.cron import next_fire, slot
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.daemon import LoginReminder
from tradebot.domain.job_plan import SUNDAY_REMINDER
from tradebot.ports import Broker, Ledger
from tradebot.runtime.jobs.record import store_run

LOGIN_ENDS = "0 1 * * 0"  # New York: IB Gateway's login lasts until Sunday 01:00 (IBKR, Auto Restart)


@dataclass(frozen=True, slots=True)
class LoginReminderJob:
    ledger: Ledger
    broker: Broker
    calendar: Calendar

    async def run(self, due: datetime, now: datetime) -> None:
        await store_run(self.ledger, SUNDAY_REMINDER, due, [NewEvent(self._reminder(now), now)])

    def _reminder(self, now: datetime) -> LoginReminder:
        connection = self.broker.connection
        return LoginReminder(
            ended=slot(LOGIN_ENDS, now),
            dies=next_fire(LOGIN_ENDS, now),
            opens=self.calendar.next_open(now),
            connected=connection.up and connection.upstream,
            since=connection.since,
        )
