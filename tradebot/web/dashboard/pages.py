"""What is shown: ask, put into a page, answer."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from aiohttp import web

from tradebot.domain.alerts import NOT_TRADED, AlertStatus
from tradebot.domain.analytics.performance import Performance
from tradebot.domain.job_plan import plans
from tradebot.domain.payload.symbols import symbol
from tradebot.errors import PayloadError
from tradebot.queries.alert_trace import alert_trace
from tradebot.queries.search import AlertSearch, conflicts_of, newest_events, search_alerts
from tradebot.queries.working import AtWork
from tradebot.web.dashboard import alerts, at_work, holdings, machine, overview, performance, risk, trace
from tradebot.web.dashboard.door import REFRESH, Door
from tradebot.web.dashboard.pictures import Gallery
from tradebot.web.ground import Ground
from tradebot.words import report_page

PRICES_KEPT_S = 60.0
ID_MAX = 2**62


class Pages:
    """The handlers of everything that is only looked at."""

    def __init__(self, ground: Ground, door: Door, gallery: Gallery) -> None:
        self._queries = ground.queries
        self._clock = ground.clock
        self._crons = ground.crons
        self._door = door
        self._gallery = gallery
        self._prices: Mapping[int, Decimal] = {}
        self._prices_until = 0.0

    def table(self) -> list[web.RouteDef]:
        pages = {
            "/": self.overview,
            "/positions": self.positions,
            "/orders": self.orders,
            "/alerts": self.alerts,
            r"/alerts/{id:\d{1,18}}": self.alert,
            "/performance": self.performance,
            "/performance/keep": self.keep,
            "/risk": self.risk,
            "/settings": self.settings,
            "/jobs": self.jobs,
            "/logs": self.logs,
        }
        return [web.get(path, self._door.inside(handler)) for path, handler in pages.items()]

    async def overview(self, request: web.Request) -> web.Response:
        queries, now = self._queries, self._clock.now()
        hours, strategies = queries.run.hours, queries.run.strategies
        today = AlertSearch(day=hours.calendar.trading_date(now))
        page = overview.overview(
            now,
            await queries.status(),
            await queries.positions(),
            (await queries.today()).summary,
            await queries.waiting(),
            [one.alert for one in await search_alerts(queries.ledger, hours, today, overview.ALERTS_MAX)],
            await conflicts_of(queries.ledger, hours, now),
            (await newest_events(queries.ledger, overview.TOLD_MAX))[::-1],
            await queries.health(),
            strategies,
        )
        return await self._door.page(request, "overview.html", page)

    async def positions(self, request: web.Request) -> web.Response:
        page = holdings.holdings(await self._queries.positions(), self._queries.run.strategies)
        return await self._door.page(request, "positions.html", page)

    async def orders(self, request: web.Request) -> web.Response:
        page = at_work.orders(await self._orders(request), several=self._queries.run.several)
        return await self._door.page(request, "orders.html", page)

    async def _orders(self, request: web.Request) -> Sequence[AtWork]:
        """A page that stays open asks IB for prices once in a while: its quotes are orders' before they are anybody's."""
        now = self._clock.monotonic()
        if REFRESH in request.headers and now < self._prices_until:
            return await self._queries.orders(known=self._prices)
        self._prices_until = now + PRICES_KEPT_S
        found = await self._queries.orders()
        self._prices = {one.order.con_id: one.price for one in found if one.price is not None}
        return found

    async def alerts(self, request: web.Request) -> web.Response:
        queries, given = self._queries, {name: text.strip() for name, text in request.query.items()}
        wanted, problem = wanted_alerts(given)
        found = [] if problem else await search_alerts(queries.ledger, queries.run.hours, wanted, alerts.PAGE + 1)
        page = alerts.alerts(found, given, queries.run.strategies, problem)
        return await self._door.page(request, "alerts.html", page)

    async def alert(self, request: web.Request) -> web.Response:
        found = await alert_trace(self._queries.ledger, request.match_info["id"])
        if found is None:
            raise web.HTTPNotFound
        return await self._door.page(request, "alert.html", trace.trace(found))

    async def performance(self, request: web.Request) -> web.Response:
        chosen, counted = await self._counted(request)
        account, since = self._queries.broker.account(), await self._queries.performance.first_day()
        worth_now = account.equity if account else None
        page = performance.performance(counted, chosen, worth_now, self._gallery.name, since)
        return await self._door.page(request, "performance.html", page)

    async def keep(self, request: web.Request) -> web.Response:
        """The same as a file, which needs nothing else: it is opened from the disk, outside this site and its policy."""
        _, counted = await self._counted(request)
        run, now, since = self._queries.run, self._clock.now(), await self._queries.performance.first_day()
        text = await asyncio.to_thread(report_page.page, counted, "Performance", now, run.simulated, since)
        name = report_page.name_of(counted.first, counted.last)
        return web.Response(
            text=text, content_type="text/html", headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    async def _counted(self, request: web.Request) -> tuple[str, Performance]:
        """Of the period that was chosen."""
        found, chosen = self._queries.performance, request.query.get("period", performance.DEFAULT)
        chosen = chosen if chosen in performance.PERIODS else performance.DEFAULT
        return chosen, await (found.since_start() if chosen == "all" else found.last_days(int(chosen)))

    async def risk(self, request: web.Request) -> web.Response:
        page = risk.risk(await self._queries.limits(), self._queries.run.fixed_limits)
        return await self._door.page(request, "risk.html", page)

    async def settings(self, request: web.Request) -> web.Response:
        return await self._door.page(request, "settings.html", machine.settings(self._queries.run.configured))

    async def jobs(self, request: web.Request) -> web.Response:
        due = plans(self._crons, self._queries.run.hours.calendar)
        page = machine.jobs(due, await self._queries.jobs(), self._clock.now())
        return await self._door.page(request, "jobs.html", page)

    async def logs(self, request: web.Request) -> web.Response:
        level = request.query.get("level", "INFO")
        level = level if level in machine.LEVELS else "INFO"
        page = machine.log(await self._queries.log_lines(machine.LINES, level), level)
        return await self._door.page(request, "logs.html", page)


def wanted_alerts(given: dict[str, str]) -> tuple[AlertSearch, str]:
    """What was typed, and what of it cannot be read."""
    ticker = day = before = None
    statuses: Sequence[AlertStatus] = ()
    if text := given.get("ticker"):
        try:
            ticker = symbol(text)[1]
        except PayloadError:
            return AlertSearch(), f"“{text[:20]}” is no stock's name. Write AAPL, or BRK.B."
    if text := given.get("status"):
        statuses = NOT_TRADED if text == alerts.NOT_TRADED else [one for one in AlertStatus if one == text.upper()]
        if not statuses:
            return AlertSearch(), f"“{text[:20]}” is no outcome. Choose one of the list."
    if text := given.get("day"):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            return AlertSearch(), f"“{text[:20]}” is no day. Write it as 2026-11-20."
        if not date(1971, 1, 1) <= day <= date(9000, 1, 1):
            return AlertSearch(), f"Nothing is known of {day}."
    if (text := given.get("before", "")).isdecimal() and text.isascii() and len(text) < 19:
        before = int(text)
    return AlertSearch(ticker, statuses, day, given.get("strategy") or None, before), ""
