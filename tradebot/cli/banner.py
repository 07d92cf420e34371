"""What a person sees when the daemon is ready: what is simulated, and how to send the first alert."""

import shlex
import shutil
import sys
from pathlib import Path

import typer

from tradebot.cli.sending import address, of_strategy, server
from tradebot.config import WEBHOOK_SECRET_FILE, Settings
from tradebot.domain.strategies import Sizing
from tradebot.listener import TakenPort
from tradebot.webhook import Webhook


def show(settings: Settings, webhook: Webhook, config: Path | None, web: TakenPort | None) -> None:
    typer.echo(text(settings, webhook, config, web))


def text(settings: Settings, webhook: Webhook, config: Path | None = None, web: TakenPort | None = None) -> str:
    """Plain lines: it is read in a terminal and in the journal. What it shows can be pasted into another terminal.

    `web`: where the dashboard listens; None: it is off.
    """
    here = address(webhook.host, webhook.port)
    lines = [f"Takes alerts at {here}", *(f"  {of_strategy(here, name)}" for name in settings.strategy_sections)]
    lines += [*([f"Dashboard at {server(web.address, web.port)}/"] if web else []), ""]
    if parts := settings.simulated_parts():
        lines += ["SIMULATED, EMBEDDED OR OFF:", *(f"  • {part}" for part in parts), ""]
    else:
        lines += ["Nothing is simulated.", ""]
    where = f"in a second terminal, in {Path.cwd()}:"
    simulated = settings.broker.mode == "simulated"
    try_it = "Try it" if simulated else "Send an alert, which becomes a REAL order at IB,"
    return "\n".join(
        [
            *lines,
            f"{try_it} {where}",
            f"  {_alert(settings, webhook, config)}",
            "or",
            f"  {_curl(settings, webhook)}",
            *(["and move the simulated market:", f"  {_price(config)}"] if simulated else []),
            "",
        ]
    )


def _alert(settings: Settings, webhook: Webhook, config: Path | None) -> str:
    words = [_program(), "alert", "BUY", "AAPL"]
    if (strategy := _to_be_named(settings)) is not None:
        words += ["--strategy", strategy]
    if _sized_by_alert(settings, strategy):
        words += ["--quantity", "1"]
    if config is not None:
        words += ["--config", str(config)]
    if settings.webhook.port != webhook.port:
        words += ["--url", address(webhook.host, webhook.port)]
    return shlex.join(words)


def _price(config: Path | None) -> str:
    words = [_program(), "price", "AAPL", "200"]
    return shlex.join(words if config is None else [*words, "--config", str(config)])


def _to_be_named(settings: Settings) -> str | None:
    """A strategy to try it with, where an alert has to name one."""
    strategies = settings.strategies()
    return None if strategies.default() else strategies.names[0]


def _sized_by_alert(settings: Settings, strategy: str | None) -> bool:
    """Such a strategy refuses a BUY that says no size."""
    strategies = settings.strategies()
    tried = strategies.default() if strategy is None else strategies.named(strategy)
    return tried is not None and tried.sizing is Sizing.ALERT


def _program() -> str:
    """`tradebot` where the shell would find this very one, else its path: after `make run` it lies in .venv only."""
    mine = Path(sys.executable).with_name("tradebot")
    if shutil.which("tradebot") == str(mine):
        return "tradebot"
    here = Path.cwd()
    return str(mine.relative_to(here)) if mine.is_relative_to(here) else str(mine)


def _curl(settings: Settings, webhook: Webhook) -> str:
    """The secret is read from its file by the shell, so that it never stands on a screen."""
    strategy, default = _to_be_named(settings), settings.strategies().default()
    own = strategy or (default.name if default else "")
    configured = settings.webhook.secret or own in settings.own_secrets()
    secret = "YOUR-SECRET" if configured else f"$(cat {WEBHOOK_SECRET_FILE})"
    size = {"quantity": "1"} if _sized_by_alert(settings, strategy) else {}
    given = {"secret": secret, "action": "BUY", "ticker": "AAPL", **size, "time": "$(date -u +%FT%TZ)"}
    body = ", ".join(f'\\"{name}\\": \\"{value}\\"' for name, value in given.items())
    return f'curl {of_strategy(address(webhook.host, webhook.port), strategy)} -d "{{{body}}}"'
