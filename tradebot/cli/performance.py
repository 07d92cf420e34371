"""`tradebot performance`, `tradebot stats` and `tradebot report`: how it goes, counted from the books."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tradebot.cli import daemon_client, tables
from tradebot.cli.as_json import show
from tradebot.cli.base import cli, do
from tradebot.cli.export import write
from tradebot.cli.of_strategy import OfStrategy, check
from tradebot.cli.settings import Config, settings_of
from tradebot.config import Settings
from tradebot.domain.analytics.performance import Performance, TradingFigures
from tradebot.errors import ConfigError
from tradebot.ports import Ledger
from tradebot.queries.performance import PerformanceQueries
from tradebot.queries.thresholds import ThresholdReader
from tradebot.runtime.clock import SystemClock
from tradebot.words import performance as words
from tradebot.words import report_page
from tradebot.words.figures import signed_usd

AsJson = Annotated[bool, typer.Option("--json", metavar="", help="As one JSON document, with every figure.")]
When = Annotated[
    str, typer.Option("--period", metavar="WHEN", help='"2026-11", "2026" or "all"; default: all.', show_default=False)
]


@cli.command("performance")
def performance_command(
    period: When = "all", strategy: OfStrategy = None, as_json: AsJson = False, config: Config = None
) -> None:
    """Show how the account and each strategy did, beside SPY and by month. Example: `tradebot performance --period 2026-11`"""
    do(_performance(settings_of(config), period, strategy, as_json=as_json))


@cli.command("stats")
def stats_command(
    period: When = "all", strategy: OfStrategy = None, as_json: AsJson = False, config: Config = None
) -> None:
    """Show what was won and lost, what the road costs, how long it takes, and your limits. Example: `tradebot stats`"""
    do(_stats(settings_of(config), period, strategy, as_json=as_json))


@cli.command("report")
def report_command(
    month: Annotated[
        str, typer.Option("--month", metavar="WHEN", help='"2026-11", "2026" or "all"; default: this month.')
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to; default: a name of its own, here.")
    ] = None,
    config: Config = None,
) -> None:
    """Write a period's performance as one HTML page to keep. Example: `tradebot report --month 2026-11 --out november.html`"""
    do(_report(settings_of(config), month, out))


def _queries(ledger: Ledger, settings: Settings) -> PerformanceQueries:
    return PerformanceQueries(ledger, settings.trading.open_hours(), SystemClock())


async def _of(ledger: Ledger, settings: Settings, words_of_period: str) -> tuple[Performance, date | None]:
    """With the first day of which anything is known. Raises ConfigError, LedgerUnavailable."""
    queries = _queries(ledger, settings)
    try:
        period = await queries.period_of(words_of_period)
    except ValueError as error:
        raise ConfigError(f'{error} Give a month such as "2026-11", a year such as "2026", or "all"') from error
    return await queries.of(period), await queries.first_day()


async def _performance(settings: Settings, period: str, strategy: str | None, *, as_json: bool) -> int:
    """Raises ConfigError, LedgerUnavailable."""
    async with daemon_client.open_database(settings) as ledger:
        await check(ledger, settings, strategy)
        found, since = await _of(ledger, settings, period)
    if as_json:
        show(_document(found, strategy))
        return 0
    out = Console(markup=False, highlight=False)
    _heading(out, found, since, strategy)
    if strategy is not None:
        _rows(out, words.trading_rows(_trading(found, strategy)))
        return 0
    _rows(out, words.account_rows(found))
    if found.months:
        out.print("\nMonth by month", style="bold")
        headings = report_page.MONTH_HEADINGS
        tables.show(out, headings, [_texts(one) for one in report_page.month_cells(found.months)], right=headings[1:])
    if len(found.by_strategy) > 1:
        out.print("\nBy strategy", style="bold")
        cells = {name: _texts(report_page.strategy_cells(one)) for name, one in found.by_strategy.items()}
        for part in (slice(0, 6), slice(6, None)):  # a terminal of 80 columns has no room for all of them
            columns = report_page.STRATEGY_HEADINGS[part]
            rows = [(name, *texts[part]) for name, texts in cells.items()]
            tables.show(out, ("strategy", *columns), rows, right=columns)
    together = [*found.strategies_together, *found.positions_together]
    if together:
        out.print("\nWhat moves together", style="bold")
        _rows(out, [(f"{one.one}, {one.other}", words.ratio(one.value)) for one in together])
    return 0


async def _stats(settings: Settings, period: str, strategy: str | None, *, as_json: bool) -> int:
    """Raises ConfigError, LedgerUnavailable."""
    async with daemon_client.open_database(settings) as ledger:
        await check(ledger, settings, strategy)
        found, since = await _of(ledger, settings, period)
        limits, hours = settings.thresholds.limits(), settings.trading.open_hours()
        reader = ThresholdReader(ledger, hours, settings.strategies(), limits)
        readings = await reader.readings(datetime.now(UTC)) if limits.any else ()
        crossed = await reader.crossed()
    if as_json:
        beyond = [{**asdict(one), "crossed_since": crossed.get(one.key)} for one in readings]
        show({**_document(found, strategy), "thresholds": beyond})
        return 0
    out, one = Console(markup=False, highlight=False), found.trading if strategy is None else _trading(found, strategy)
    _heading(out, found, since, strategy)
    _rows(out, words.trading_rows(one))
    out.print("\nWhat the road costs", style="bold")
    _rows(out, words.slippage_rows(one.slippage))
    if strategy is None:
        out.print("\nHow long it takes", style="bold")
        _rows(out, words.service_rows(found.latency))
        tables.show(out, words.STAGE_HEADINGS, words.stage_rows(found.latency), right=words.STAGE_HEADINGS[1:])
    if readings:
        out.print("\nYour limits", style="bold")
        for line in words.readings(readings, crossed):
            out.print(line)
    return 0


async def _report(settings: Settings, month: str, out: Path | None) -> int:
    """Raises ConfigError, LedgerUnavailable."""
    async with daemon_client.open_database(settings) as ledger:
        found, since = await _of(ledger, settings, month)
    now = datetime.now(UTC)
    html = await asyncio.to_thread(
        report_page.page, found, report_page.title_of(found), now, settings.simulated_parts(), since
    )
    path = out or Path(report_page.name_of(found.first, found.last))
    write(path, html)
    told = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)
    told.print(f"{report_page.period(found, now, since)}: {path}")
    return 0


def _document(found: Performance, strategy: str | None) -> dict[str, object]:
    kept = found if strategy is None else replace(found, by_strategy={strategy: _trading(found, strategy)})
    return {name: getattr(kept, name) for name in Performance.__dataclass_fields__}


def _trading(found: Performance, strategy: str) -> TradingFigures:
    """Raises ConfigError where it has traded nothing in this period."""
    try:
        return found.by_strategy[strategy]
    except KeyError:
        raise ConfigError(f"strategy {strategy} has traded nothing in this period: there is nothing to show") from None


def _heading(out: Console, found: Performance, since: date | None, strategy: str | None) -> None:
    net = found.trading.lots.net if strategy is None else _trading(found, strategy).lots.net
    whose = f"{strategy}: " if strategy else ""
    out.print(f"{whose}{report_page.period(found, datetime.now(UTC), since)}, {signed_usd(net)} realised", style="bold")


def _texts(cells: Sequence[tuple[str, str]]) -> Sequence[str]:
    return [text for text, _ in cells]


def _rows(out: Console, rows: words.Rows) -> None:
    tables.show(out, ("", ""), rows)
