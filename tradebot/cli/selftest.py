"""`tradebot selftest`: the webhook tried from outside, as TradingView and as a stranger would, and an order to its end."""

import asyncio
import json
from typing import Annotated
from urllib.parse import urlsplit

import aiohttp
import typer
from rich.console import Console

from tradebot.cli import daemon_client, sending
from tradebot.cli.base import cli, do
from tradebot.cli.selftest_steps import LIQUID, LOOPBACK, Outcome, Step, Trial, steps
from tradebot.cli.settings import Config, settings_of
from tradebot.cli.webhook_calls import TIMEOUT_S, Caller
from tradebot.config import Settings
from tradebot.domain.payload.symbols import symbol
from tradebot.errors import ConfigError, PayloadError

_STYLES = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.LEFT_OUT: "yellow"}
_NAMES_WIDE = len("health is private")


@cli.command()
def selftest(
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="The webhook as TradingView calls it, through the proxy.")
    ] = None,
    ticker: Annotated[
        str | None,
        typer.Option(metavar="TICKER", help="What to buy and sell; default: one that the bot does not hold."),
    ] = None,
    no_orders: Annotated[bool, typer.Option("--no-orders", metavar="", help="Leave BUY and SELL out.")] = False,
    timeout: Annotated[int, typer.Option(metavar="SECONDS", min=1, help="How long to wait for each fill.")] = 60,
    as_json: Annotated[
        bool, typer.Option("--json", metavar="", help="One JSON document instead of the table.")
    ] = False,
    config: Config = None,
) -> None:
    """Try the running bot from outside: what it refuses, a duplicate, and on a paper account a BUY and its SELL.

    Examples: `tradebot selftest` · `tradebot selftest --url https://bot.example.com/webhook`

    Exit code 0 when nothing failed, 1 when something did, 2 for a wrong configuration. With real money no order is sent.
    """
    settings = settings_of(config)
    near, outside = addresses(settings, _of_all(sending.checked(url)) if url else None)
    chosen = (_as_in_the_books(ticker),) if ticker else LIQUID
    trial = Trial(settings, near, outside, daemon_client.secret(settings), chosen, not no_orders, timeout)
    do(_selftest(trial, as_json))


def _of_all(url: str) -> str:
    """The webhook itself, where the address of one strategy is given."""
    webhook, found, strategy = url.rpartition("/webhook/")
    return f"{webhook}/webhook" if found and "/" not in strategy else url


def _as_in_the_books(ticker: str) -> str:
    """As the webhook will read it: what is looked up here must be what is sold there. Raises ConfigError."""
    try:
        return symbol(ticker)[1]
    except PayloadError as error:
        raise ConfigError(f"--ticker: {error}") from error


def addresses(settings: Settings, url: str | None) -> tuple[str, str | None]:
    """The webhook on this machine, and the one seen from outside where that is another address. Raises ConfigError."""
    if settings.webhook.port == 0:
        if url is None:
            raise ConfigError(
                "webhook.port is 0, so the daemon took any free port: give the one it printed, with --url"
            )
        return url, None
    near = sending.address(settings.webhook.host, settings.webhook.port)
    return near, None if url is None or _place(url) == _place(near) else url


def _place(url: str) -> tuple[str, str, int | None, str]:
    """All of it that decides who is asked what; this machine has several names for itself."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"--url {url} cannot be read: write it like https://bot.example.com/webhook") from error
    return parts.scheme, "127.0.0.1" if host is None or host in LOOPBACK else host, port, parts.path


async def _selftest(trial: Trial, as_json: bool) -> int:
    out = Console(markup=False, highlight=False, soft_wrap=True)
    done: list[Step] = []
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session:
            async for step in steps(trial, Caller(session)):
                done.append(step)
                if not as_json:
                    _show(out, step)
    except asyncio.CancelledError:  # Ctrl-C: an alert that was sent goes on by itself
        out.print("Interrupted. If it had bought, `tradebot status` shows it, and `tradebot alert SELL` sells it.")
        return 1
    failed = [step for step in done if step.outcome is Outcome.FAILED]
    if as_json:
        typer.echo(json.dumps(_document(trial, done), ensure_ascii=False, indent=2))
    else:
        out.print(_verdict(done), style="bold red" if failed else "bold green")
    return 1 if failed else 0


def _show(out: Console, step: Step) -> None:
    out.print(f"{step.outcome:<8}", style=_STYLES[step.outcome], end="  ")
    out.print(f"{step.name:<{_NAMES_WIDE}}  {step.said}")


def _verdict(done: list[Step]) -> str:
    counts = {outcome: sum(step.outcome is outcome for step in done) for outcome in Outcome}
    told = [f"{count} {outcome}" for outcome, count in counts.items() if count]
    return f"{', '.join(told)}. " + ("Something must be mended." if counts[Outcome.FAILED] else "Nothing failed.")


def _document(trial: Trial, done: list[Step]) -> dict[str, object]:
    return {
        "ok": not any(step.outcome is Outcome.FAILED for step in done),
        "webhook": trial.near,
        "outside": trial.outside,
        "steps": [{"name": step.name, "outcome": step.outcome, "said": step.said, **step.figures} for step in done],
    }
