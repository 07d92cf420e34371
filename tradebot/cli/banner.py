"""What a person sees when the daemon is ready: what is simulated, and how to send the first alert."""

import shlex
import shutil
import sys
from pathlib import Path

import typer

from tradebot.cli.sending import address
from tradebot.config import WEBHOOK_SECRET_FILE, Settings
from tradebot.webhook import Webhook


def show(settings: Settings, webhook: Webhook, config: Path | None) -> None:
    typer.echo(text(settings, webhook, config))


def text(settings: Settings, webhook: Webhook, config: Path | None = None) -> str:
    """Plain lines: it is read in a terminal and in the journal. What it shows can be pasted into another terminal."""
    lines = [f"Takes alerts at {address(webhook.host, webhook.port)}", ""]
    if parts := settings.simulated_parts():
        lines += ["SIMULATED, EMBEDDED OR OFF:", *(f"  • {part}" for part in parts), ""]
    else:
        lines += ["Nothing is simulated.", ""]
    where = f"in a second terminal, in {Path.cwd()}:"
    try_it = "Try it" if settings.broker.mode == "simulated" else "Send an alert, which becomes a REAL order at IB,"
    return "\n".join(
        [
            *lines,
            f"{try_it} {where}",
            f"  {_alert(settings, webhook, config)}",
            "or",
            f"  {_curl(settings, webhook)}",
            "",
        ]
    )


def _alert(settings: Settings, webhook: Webhook, config: Path | None) -> str:
    words = [_program(), "alert", "BUY", "AAPL"]
    if config is not None:
        words += ["--config", str(config)]
    if settings.webhook.port != webhook.port:
        words += ["--url", address(webhook.host, webhook.port)]
    return shlex.join(words)


def _program() -> str:
    """`tradebot` where the shell would find this very one, else its path: after `make run` it lies in .venv only."""
    mine = Path(sys.executable).with_name("tradebot")
    if shutil.which("tradebot") == str(mine):
        return "tradebot"
    here = Path.cwd()
    return str(mine.relative_to(here)) if mine.is_relative_to(here) else str(mine)


def _curl(settings: Settings, webhook: Webhook) -> str:
    """The secret is read from its file by the shell, so that it never stands on a screen."""
    secret = "YOUR-SECRET" if settings.webhook.secret else f"$(cat {WEBHOOK_SECRET_FILE})"
    given = {"secret": secret, "action": "BUY", "ticker": "AAPL", "time": "$(date -u +%FT%TZ)"}
    body = ", ".join(f'\\"{name}\\": \\"{value}\\"' for name, value in given.items())
    return f'curl {address(webhook.host, webhook.port)} -d "{{{body}}}"'
