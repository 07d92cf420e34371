"""`tradebot status`: the books from the database, the daemon's parts from its health report. Each part is one sentence."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tradebot.cli import daemon_client
from tradebot.cli.base import cli, do
from tradebot.cli.of_strategy import OfStrategy
from tradebot.cli.settings import Config, settings_of
from tradebot.cli.trading import named
from tradebot.config import Settings, describe_url
from tradebot.domain.limits import LossBasis
from tradebot.domain.lots import Lot
from tradebot.domain.trades import Trade
from tradebot.errors import LedgerUnavailable, MigrationError
from tradebot.queries.status import BooksStatus, stored_status
from tradebot.queries.strategies import Standing, StrategyStatus, of
from tradebot.words import figures
from tradebot.words.limits import value_text
from tradebot.words.standing import standing

Part = Mapping[str, object]
_TELL = ("telegram", "channels", "web")
"""Parts that nothing but people depends on."""


@cli.command()
def status(strategy: OfStrategy = None, config: Config = None) -> None:
    """Show the trading state, queue, orders, positions and today's figures, and how the daemon is.

    Example: `tradebot status`
    """
    do(_status(settings_of(config), strategy))


async def _status(settings: Settings, strategy: str | None) -> int:
    """Prints it. Exit code 0 when the daemon is well, 3 when it or its database does not answer, 1 otherwise."""
    out = Console(markup=False, highlight=False)
    url = settings.database.url.get_secret_value()
    if strategy is not None:
        named(settings, strategy)
    booked = await _booked(settings, out)
    if booked is not None:
        out.print(_rows(overview(booked, describe_url(url), settings.trading.max_risk_usd)))
        shown = [one for one in booked.strategies if strategy in (None, one.strategy.name)]
        if booked.several or strategy or any(one.standing is not Standing.ON for one in shown):
            out.print(_strategies(shown, booked))
        if lots := of(strategy, booked.lots):
            out.print(_positions(lots, several=booked.several))
    health_url = daemon_client.health_url(settings)
    parts = await daemon_client.health(health_url)
    if parts is None:
        out.print(
            f"No daemon answers at {health_url}: is it running (tradebot run), with this configuration?",
            style="bold red",
        )
        return 3
    out.print(f"\nThe daemon at {health_url}", style="bold")
    out.print(_rows(_daemon(parts)))
    if booked is None:
        return 3
    running = parts.get("trading", {}).get("state", booked.state)
    if running != booked.state:
        out.print(
            f"The daemon says {running}, the database {booked.state}: for a second after a command, and while a kill could not "
            "be stored. If it stays so, the daemon works on another database.",
            style="bold red",
        )
        return 1
    return 0 if all(part.get("ok", True) for name, part in parts.items() if name not in _TELL) else 1


async def _booked(settings: Settings, out: Console) -> BooksStatus | None:
    """None, and said so, when the database does not answer: the daemon's parts are worth showing all the same."""
    defaults, hours = settings.trading.defaults.limits(), settings.trading.open_hours()
    try:
        async with daemon_client.open_database(settings) as ledger:
            basis, strategies = settings.trading.daily_loss_basis, settings.strategies()
            return await stored_status(ledger, defaults, hours, datetime.now(UTC), basis, strategies)
    except (LedgerUnavailable, MigrationError) as error:
        out.print(f"The books cannot be shown: {error}", style="bold red")
        return None


def _rows(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(no_wrap=True, min_width=len("realised today"))
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, Text(value))  # not markup: "[broker] host" is to be read
    return table


def overview(booked: BooksStatus, database: str, max_risk: Decimal) -> Iterable[tuple[str, str]]:
    """What the books say: names with what is said of each."""
    limits, used = booked.limits, booked.exposure
    yield "trading", str(booked.state)
    if booked.blocked:
        yield "blocked", f"no BUY of {', '.join(booked.blocked)}, until /unblock in the chat"
    yield "database", database
    if booked.instance is not None:
        yield "lock", f"taken last by {booked.instance}"
    yield (
        "waiting",
        f"{booked.received_sells} SELL, {booked.received_buys} BUY, {booked.pending} for the market to open",
    )
    yield "in flight", ", ".join(_order(trade, booked) for trade in booked.in_flight) or "none"
    yield "at IB", ", ".join(_order(trade, booked) for trade in booked.resting) or "nothing that waits for its price"
    yield "UNKNOWN", ", ".join(f"{_order(t, booked)} ({t.order_ref})" for t in booked.unknown) or "none"
    yield "open positions", f"{used.open_positions} of {limits.max_open_positions}"
    yield "invested", f"{figures.usd(used.invested)} of {figures.usd(limits.max_total_investment)}"
    if used.cost_by_sector:
        parts = [
            f"{name} {figures.usd(cost)} ({cost / used.invested:.0%})" for name, cost in used.cost_by_sector.items()
        ]
        yield "by sector", ", ".join(parts)
    of = f" of {figures.usd(max_risk)}" if max_risk else ""
    yield "at risk", f"{figures.usd(used.at_risk)}{of} down to the stops; without a stop all that shares cost"
    yield "buys today", f"{used.buys_today} of {limits.max_daily_buys}"
    counts = (
        " with open lots: /status in the chat has them by IB's prices" if used.loss_basis is LossBasis.TOTAL else ""
    )
    limit = f"limit −{figures.usd(limits.max_daily_loss)}{counts}"
    reached = ": no BUY until tomorrow in New York" if booked.at_daily_loss else ""
    yield "realised today", f"{figures.signed_usd(used.realised_today)}, {limit}{reached}"


def _order(trade: Trade, booked: BooksStatus) -> str:
    return f"{f'{trade.strategy}: ' if booked.several else ''}{figures.order(trade)}"


def _strategies(found: Sequence[StrategyStatus], account: BooksStatus) -> Table:
    """What each does and has used; its own limits beside, where it has any."""
    table = Table(box=None, pad_edge=False)
    for heading in ("strategy", "takes BUYs", "open positions", "invested", "at risk", "buys today", "realised today"):
        table.add_column(heading, justify="left" if heading in ("strategy", "takes BUYs") else "right")
    for one in found:
        used, own, most = one.exposure, one.limits, one.strategy.max_risk_usd
        of_ = {name: f" of {value_text(name, limit)}" for name, limit in own.items()}
        table.add_row(
            one.strategy.name,
            standing(one, account),
            f"{used.open_positions}{of_.get('max_open_positions', '')}",
            f"{figures.usd(used.invested)}{of_.get('max_total_investment', '')}",
            figures.usd(used.at_risk) + ("" if most is None else f" of {figures.usd(most)}"),
            f"{used.buys_today}{of_.get('max_daily_buys', '')}",
            figures.signed_usd(used.realised_today),
        )
    return table


def _positions(lots: Sequence[Lot], *, several: bool) -> Table:
    table = Table(box=None, pad_edge=False)
    whose = ("strategy",) if several else ()
    for heading in (*whose, "ticker", "lots", "shares", "average entry", "cost"):
        table.add_column(heading, justify="left" if heading in ("strategy", "ticker") else "right")
    for owner, ticker in sorted({(lot.strategy if several else "", lot.ticker) for lot in lots}):
        mine = [lot for lot in lots if lot.ticker == ticker and (not several or lot.strategy == owner)]
        qty = sum((lot.qty for lot in mine), Decimal(0))
        cost = sum((lot.cost for lot in mine), Decimal(0))
        named = (owner,) if several else ()
        held = (ticker, str(len(mine)), figures.shares(qty), figures.price(cost / qty), figures.usd(cost))
        table.add_row(*named, *held)
    return table


# --- the daemon's parts -----------------------------------------------------------------------------------------------


def _daemon(parts: daemon_client.Parts) -> Iterable[tuple[str, str]]:
    for name, part in parts.items():
        say = _SENTENCES.get(name, _plainly)
        well = "NOT WELL: " if part.get("ok") is False else ""
        yield name, f"{well}{say(part)}"
    simulated = parts.get("daemon", {}).get("simulated")
    if isinstance(simulated, list):
        yield from (("simulated" if n == 0 else "", str(each)) for n, each in enumerate(simulated))


def _database(part: Part) -> str:
    if part.get("error"):
        return str(part["error"])
    return f"{part.get('name')}, the instance lock is {part.get('lock')}"


def _queue(part: Part) -> str:
    if part.get("error"):
        return f"{part['error']} Stored alerts wait until it is back; none is lost"
    return f"{part.get('name')}: {part.get('sell')} SELL, {part.get('buy')} BUY, {part.get('pending')} for the market to open"


def _broker(part: Part) -> str:
    since = f" since {_when(part['since'])}" if part.get("since") else ""
    if not part.get("connected"):
        return (
            f"not connected{since}: {part.get('why_not') or 'no attempt yet'}. Is the gateway running and logged in, its API "
            "switched on, and are [broker] host and port right?"
        )
    kind = {"paper": "PAPER ", "live": "LIVE "}.get(str(part.get("kind")), "")
    why_not = f"; {part['why_not']}" if part.get("why_not") else ""
    return f"connected{since}, {kind}account {part.get('account')}{why_not}"


def _questions(part: Part) -> str:
    unanswered = part.get("unanswered")
    return " ".join(map(str, unanswered)) if isinstance(unanswered, list) and unanswered else "IB answers"


def _trading(part: Part) -> str:
    reasons = part.get("waiting_for")
    held = "; ".join(map(str, reasons)) if isinstance(reasons, list) else ""
    return f"{part.get('state')}, no order leaves: {held}" if held else f"{part.get('state')}, orders may leave"


def _about(part: Part) -> str:
    return str(part["error"]) if part.get("error") else f"version {part.get('version')}, up for {part.get('uptime')}"


def _telegram(part: Part) -> str:
    return f"{part.get('state')}: {part['error']}" if part.get("error") else str(part.get("state"))


def _channels(part: Part) -> str:
    """`team, mail; hook takes no messages: HTTP 500`."""
    failing, well = part.get("failing"), part.get("well")
    ill = [f"{name} takes no messages: {why}" for name, why in failing.items()] if isinstance(failing, Mapping) else []
    fine = [", ".join(map(str, well))] if isinstance(well, list) and well else []
    error = [str(part["error"])] if part.get("error") else []
    return "; ".join([*error, *ill, *fine]) or str(part.get("state", part.get("unknown")))


def _plainly(part: Part) -> str:
    return ", ".join(f"{key} {value}" for key, value in part.items() if key != "ok" and value not in (None, [], ""))


_SENTENCES: Mapping[str, Callable[[Part], str]] = {
    "database": _database,
    "queue": _queue,
    "broker": _broker,
    "questions": _questions,
    "trading": _trading,
    "telegram": _telegram,
    "channels": _channels,
    "daemon": _about,
}


def _when(iso: object) -> str:
    """The moment on New York's clock, as everywhere else people read."""
    try:
        return figures.local(datetime.fromisoformat(str(iso)))
    except ValueError:
        return str(iso)
