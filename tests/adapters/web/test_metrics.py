"""The page that Prometheus reads: who gets it, what stands on it, and what it costs the bot."""

import asyncio
import platform
from collections.abc import Mapping
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.adapters.web.conftest import OpenSite, Site
from tests.bot_fixtures import MakeBot
from tradebot.domain.alerts import AlertStatus
from tradebot.domain.limits import Limits
from tradebot.queries import measurements
from tradebot.queries.daemon import DaemonQueries
from tradebot.queues import EmbeddedQueue
from tradebot.web.metrics import WRONG_BURST, page

TOKEN = "a-token-for-prometheus-alone"
ASKS = {"Authorization": f"Bearer {TOKEN}"}

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


async def read(site: Site) -> Samples:
    async with site.client.get(site.url("/metrics"), headers=ASKS) as answer:
        assert answer.status == 200, await answer.text()
        text = await answer.text()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(samples: Samples, name: str, **labels: str) -> float | None:
    """None: there is no such sample."""
    return samples.get((f"tradebot_{name}", frozenset(labels.items())))


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine what hangs for a moment is no hanging database."""
    monkeypatch.setattr(page, "READ_WITHIN_S", 60.0)
    monkeypatch.setattr(page, "HEALTH_WITHIN_S", 60.0)


@pytest.fixture
async def site(open_site: OpenSite, make_bot: MakeBot) -> Site:
    """Of a bot that trades, and whose metrics are on."""
    bot = await make_bot(limits=Limits(max_open_positions=1))
    opened = await open_site(bot, metrics_token=TOKEN)
    await bot.start()
    return opened


# --- who gets it ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer another-token"}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": TOKEN}],
    ids=["none", "another", "no bearer", "bare"],
)
async def test_without_the_token_nothing_is_told(site: Site, headers: Mapping[str, str]) -> None:
    """Whoever reaches the port, or has a login on the machine, would read what the account is worth."""
    async with site.client.get(site.url("/metrics"), headers=headers) as answer:
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="metrics"')
        assert "tradebot_" not in await answer.text()


async def test_what_is_no_text_is_no_token(site: Site) -> None:
    """Anybody who reaches the port could fill the log with tracebacks."""
    answer = await site.raw(
        b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\xfe\r\nConnection: close\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 401 ")


async def test_who_guesses_is_refused_unheard_and_prometheus_is_not(site: Site) -> None:
    """A token could be guessed as fast as the machine answers, or a stranger's guesses would end the owner's alarms."""
    wrong = {"Authorization": "Bearer guess"}
    answers = [(await site.ask("/metrics", headers=wrong))[0] for _ in range(WRONG_BURST + 1)]
    assert answers == [401] * WRONG_BURST + [429]
    assert of(await read(site), "healthy") == 1


async def test_without_a_token_in_the_file_there_are_no_metrics(open_site: OpenSite) -> None:
    """A page that nobody asked for would be open, or an empty token would open it."""
    site = await open_site()
    for headers in ({}, {"Authorization": "Bearer "}, ASKS):
        status, told = await site.ask("/metrics", headers=headers)
        assert (status, "metrics_token" in told["detail"]) == (404, True)
    assert site.bot.ledger.hearers == []


async def test_the_token_is_in_no_log_and_opens_nothing_else(site: Site) -> None:
    """Who reads the log could read the account's worth."""
    await read(site)
    await site.ask("/metrics", headers={"Authorization": "Bearer guess"})
    assert site.logged
    assert not any(TOKEN in line for line in site.logged)


# --- what stands on it ----------------------------------------------------------------------------------------------


async def test_a_fresh_bot_shows_how_it_stands_and_zeros(site: Site) -> None:
    """Prometheus would not see the first alert, the first error or the first critical event rise from zero."""
    seen = await read(site)
    assert (
        of(seen, "healthy") == of(seen, "gate_open") == of(seen, "broker_connected") == of(seen, "database_read") == 1
    )
    assert of(seen, "trading_state", state="running") == 1
    assert of(seen, "trading_state", state="killed") == 0
    assert of(seen, "build_info", version="0.1.0", python=platform.python_version()) == 1
    assert of(seen, "alerts_received_total", strategy="main", side="buy") == 0
    assert of(seen, "alerts_total", strategy="main", outcome="executed", code="") == 0
    assert of(seen, "events_total", kind="order_unknown", severity="critical") == 0
    assert of(seen, "log_lines_total", level="error") is not None
    assert of(seen, "account_equity_usd") == 100_000
    assert of(seen, "account_unrealised_usd") is None  # IB has not told it
    assert of(seen, "limit", limit="max_open_positions") == 1


async def test_what_the_bot_does_is_counted_and_timed(site: Site) -> None:
    """The figures would not be those of the books."""
    bot = site.bot
    alert_id = await bot.alert("BUY", "AAPL")
    order = await bot.sent()
    bot.broker.fill(order.order_ref, int(order.qty), 100)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    await bot.becomes(await bot.alert("BUY", "MSFT"), AlertStatus.BLOCKED)
    seen = await read(site)
    assert of(seen, "alerts_received_total", strategy="main", side="buy") == 2
    assert of(seen, "alerts_total", strategy="main", outcome="executed", code="") == 1
    assert of(seen, "alerts_total", strategy="main", outcome="blocked", code="max_open_positions") == 1
    assert of(seen, "orders_decided_total", strategy="main", side="buy", role="entry") == 1
    assert of(seen, "orders_sent_total", strategy="main", side="buy") == 1
    assert of(seen, "orders_ended_total", strategy="main", side="buy", role="entry", status="filled") == 1
    assert of(seen, "fills_total", side="buy") == 1
    assert of(seen, "traded_usd_total", side="buy") == float(order.qty * 100)
    assert of(seen, "events_total", kind="buy_filled", severity="info") == 1
    for stage in ("decided", "sent", "acknowledged", "filled"):
        assert of(seen, "order_stage_seconds_count", stage=stage, side="buy") == 1, stage
    assert of(seen, "alert_to_fill_seconds_count", side="buy") == 1
    assert of(seen, "positions", strategy="main") == 1
    assert of(seen, "invested_usd", strategy="main") == float(order.qty * 100)
    assert of(seen, "buys_today", strategy="main") == 1


async def test_over_a_restart_gauges_hold_and_counters_begin_anew(open_site: OpenSite, make_bot: MakeBot) -> None:
    """The position would be forgotten, or what was counted once would be counted twice."""
    first = await make_bot()
    await open_site(first, metrics_token=TOKEN)
    await first.start()
    await first.bought()
    await first.stop()
    second = await make_bot()
    site = await open_site(second, metrics_token=TOKEN)
    await second.start()
    seen = await read(site)
    assert (of(seen, "positions", strategy="main"), of(seen, "invested_usd", strategy="main")) == (1, 500)
    assert of(seen, "invested_by_sector_usd", sector="unknown") == 500
    assert of(seen, "alerts_total", strategy="main", outcome="executed", code="") == 0
    assert of(seen, "fills_total", side="buy") == 0


async def test_no_label_names_a_ticker_an_alert_or_an_order(site: Site) -> None:
    """Prometheus would keep a series for each order that there ever was."""
    bot = site.bot
    bot.broker.con_ids["ZWSX"] = 99
    alert_id = await bot.alert("BUY", "ZWSX")
    order = await bot.sent()
    bot.broker.fill(order.order_ref, int(order.qty), 100)
    await bot.becomes(alert_id, AlertStatus.EXECUTED)
    labels = [(name, value) for (name, found) in await read(site) for _, value in found]
    assert labels
    assert not [one for one in labels if "ZWSX" in one[1] or "tb-" in one[1]]
    assert not {label for _, found in await read(site) for label, _ in found} & {"job", "instance"}


async def test_what_opens_in_openmetrics_is_closed(site: Site) -> None:
    """Prometheus asks for OpenMetrics first, and would take none of a page that does not end as it must."""
    accept = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", **ASKS}
    async with site.client.get(site.url("/metrics"), headers=accept) as answer:
        text = await answer.text()
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")
    assert "_created" not in text


# --- what it costs --------------------------------------------------------------------------------------------------


async def test_who_asks_often_is_answered_from_what_was_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question would be one to the database, whoever asks and however often."""
    reads = 0

    async def counted(queries: DaemonQueries) -> measurements.Measurements:
        nonlocal reads
        reads += 1
        return await measurements.measure(queries)

    monkeypatch.setattr(page, "measure", counted)
    await asyncio.gather(*(read(site) for _ in range(5)))
    assert reads == 1
    site.bot.clock.skip(page.KEPT_S)
    await read(site)
    assert reads == 2


async def test_the_more_it_costs_the_seldomer_it_is_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a day of ten thousand orders the bot would be busy with telling how busy it is."""
    reads = 0

    async def slow(queries: DaemonQueries) -> measurements.Measurements:
        nonlocal reads
        reads += 1
        return replace(await measurements.measure(queries), took_s=0.5)

    monkeypatch.setattr(page, "measure", slow)
    await read(site)
    site.bot.clock.skip(page.KEPT_S * 2)
    await read(site)
    assert reads == 1
    site.bot.clock.skip(0.5 / page.BUSY_SHARE)
    await read(site)
    assert reads == 2


async def test_a_database_that_is_away_takes_the_rest_along_to_nobody(site: Site) -> None:
    """Prometheus would see nothing at all just when something is wrong, or old figures for new ones."""
    assert of(await read(site), "positions", strategy="main") == 0
    site.bot.ledger.away = True
    site.bot.clock.skip(page.KEPT_S)
    seen = await read(site)
    assert (of(seen, "database_read"), of(seen, "positions", strategy="main"), of(seen, "healthy")) == (0, None, 0)
    assert of(seen, "gate_open") is not None
    site.bot.ledger.away = False
    site.bot.clock.skip(page.KEPT_S)
    assert of(await read(site), "database_read") == 1


async def test_a_database_that_hangs_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page would wait for it, and hold what it has opened."""
    monkeypatch.setattr(page, "READ_WITHIN_S", 0.01)
    asked = asyncio.Event()

    async def hangs(_: object) -> measurements.Measurements:
        asked.set()
        await asyncio.get_running_loop().create_future()
        raise AssertionError("never")

    monkeypatch.setattr(page, "measure", hangs)
    seen = await read(site)
    assert (asked.is_set(), of(seen, "database_read")) == (True, 0)


class DeafQueue(EmbeddedQueue):
    """It says nothing any more."""

    async def ping(self) -> None:
        await asyncio.get_running_loop().create_future()


async def test_a_queue_that_hangs_is_not_taken_for_the_database(
    open_site: OpenSite, make_bot: MakeBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner would look for his trouble in the wrong place, and be told that no alert can be stored."""
    monkeypatch.setattr(page, "HEALTH_WITHIN_S", 0.01)
    site = await open_site(await make_bot(queue=DeafQueue()), metrics_token=TOKEN)
    seen = await read(site)
    assert (of(seen, "database_read"), of(seen, "healthy"), of(seen, "queue_depth", list="sell")) == (1, 0, None)


async def test_the_log_s_lines_are_counted(site: Site) -> None:
    """Errors would rise in no picture."""
    before = of(await read(site), "log_lines_total", level="warning") or 0
    await site.ask("/nothing/here")  # a warning of the guard's
    assert of(await read(site), "log_lines_total", level="warning") == before + 1
