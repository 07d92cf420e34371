"""What a person sees when the daemon is ready: what is simulated, and how to send the first alert."""

import typer

from tradebot.cli.sending import address
from tradebot.config import WEBHOOK_SECRET_FILE, Settings
from tradebot.webhook import Webhook


def show(settings: Settings, webhook: Webhook) -> None:
    typer.echo(text(settings, webhook))


def text(settings: Settings, webhook: Webhook) -> str:
    """Plain lines: it is read in a terminal and in the journal."""
    lines = [f"Takes alerts at {address(webhook.host, webhook.port)}", ""]
    if parts := settings.simulated_parts():
        lines += ["SIMULATED, EMBEDDED OR OFF:", *(f"  • {part}" for part in parts), ""]
    else:
        lines += ["Nothing is simulated.", ""]
    return "\n".join(
        [*lines, "Try it from a second terminal:", "  tradebot alert BUY AAPL", "or", *_curl(settings, webhook)]
    )


def _curl(settings: Settings, webhook: Webhook) -> list[str]:
    """The secret is read from its file by the shell, so that it never stands on a screen."""
    secret = "YOUR-SECRET" if settings.webhook.secret else f"$(cat {WEBHOOK_SECRET_FILE})"
    body = f'{{\\"secret\\": \\"{secret}\\", \\"action\\": \\"BUY\\", \\"ticker\\": \\"AAPL\\"}}'
    return [f'  curl {address(webhook.host, webhook.port)} -d "{body}"']
