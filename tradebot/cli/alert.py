"""`tradebot alert`: a real alert, sent and followed."""

import secrets
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from tradebot.cli import daemon_client, follow, sending
from tradebot.cli.base import cli, do
from tradebot.cli.settings import Config, settings_of
from tradebot.cli.trading import named
from tradebot.domain.alerts import Side
from tradebot.errors import ConfigError


def _side(text: str) -> Side:
    try:
        return Side(text.upper())
    except ValueError:
        raise typer.BadParameter(f"{text} is no action: write BUY or SELL") from None


@cli.command()
def alert(
    action: Annotated[Side, typer.Argument(metavar="ACTION", parser=_side, help="BUY or SELL, in any letter case.")],
    ticker: Annotated[str, typer.Argument(metavar="TICKER", help="AAPL, NASDAQ:AAPL, BRK.B …")],
    price: Annotated[
        str | None, typer.Option(metavar="USD", help="The alert's price; feeds the price collar only.")
    ] = None,
    quantity: Annotated[
        str | None, typer.Option(metavar="SHARES", help="How many, for a strategy that is sized by its alerts.")
    ] = None,
    alert_id: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Your own id; the same id again is a duplicate. Default: a new one."),
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="Webhook address; default: the configured one on this machine.")
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="Webhook secret (other users of this machine see it); default: the daemon's."
        ),
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose alert it is; default: the only strategy, or main.")
    ] = None,
    timeout: Annotated[int, typer.Option(metavar="SECONDS", min=1, help="How long to follow the alert.")] = 60,
    config: Config = None,
) -> None:
    """Send a real alert and follow it through the database to its end, with times.

    Examples: `tradebot alert BUY AAPL` · `tradebot alert sell BRK.B --price 480.10` · `tradebot alert BUY AAPL --strategy ema`

    Exit code 0 when it was executed, 1 when not, 3 when nobody answers, 4 when the outcome is not known yet.
    """
    settings = settings_of(config)
    if url is None and settings.webhook.port == 0:
        raise ConfigError("webhook.port is 0, so the daemon took any free port: give the one it printed, with --url")
    address = sending.checked(url) if url else sending.address(settings.webhook.host, settings.webhook.port)
    own_id = alert_id or f"cli-{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    whose = named(settings, strategy) if strategy else None
    message = sending.Message(
        action, ticker, price_of(price), own_id, secret or daemon_client.secret(settings, whose), quantity_of(quantity)
    )
    do(follow.send_and_follow(settings, message, sending.of_strategy(address, whose), timeout))


def price_of(text: str | None) -> Decimal | None:
    """What `--price` says. Raises ConfigError."""
    return _above_zero(text, f"--price {text} is not a price: give USD a share, for instance --price 187.32")


def quantity_of(text: str | None) -> Decimal | None:
    """What `--quantity` says. Raises ConfigError."""
    return _above_zero(text, f"--quantity {text} is no number of shares: write for instance --quantity 10")


def _above_zero(text: str | None, wrong: str) -> Decimal | None:
    try:
        number = Decimal(text) if text is not None else None
    except InvalidOperation:
        number = Decimal("NaN")
    if number is not None and not (number.is_finite() and number > 0):
        raise ConfigError(wrong)
    return number
