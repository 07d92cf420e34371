"""`tradebot price`: moves the simulated market, so that stops and targets can be seen at work."""

from decimal import Decimal, InvalidOperation
from typing import Annotated

import aiohttp
import typer

from tradebot.cli.base import NOBODY, cli, do, fail
from tradebot.cli.settings import Config, settings_of
from tradebot.config import GATEWAY_SOCKET, Settings
from tradebot.domain.payload.symbols import symbol
from tradebot.errors import ConfigError
from tradebot.words import figures

WITHIN_S = 5.0


@cli.command()
def price(
    ticker: Annotated[str, typer.Argument(metavar="TICKER", help="AAPL, BRK.B …")],
    usd: Annotated[str, typer.Argument(metavar="USD", help="What it costs from now on.")],
    control_port: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=1, max=65535, help="The control port of a `tradebot simgateway`."),
    ] = None,
    config: Config = None,
) -> None:
    """Move the simulated market: bid, ask and last price of a stock go there and stand still.

    Examples: `tradebot price AAPL 195` · `tradebot price AAPL 195 --control-port 4003`
    """
    do(_move(settings_of(config), symbol(ticker)[1], _price(usd), control_port))


def _price(text: str) -> Decimal:
    """Raises ConfigError."""
    try:
        number = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        number = Decimal("NaN")
    if not (number.is_finite() and number > 0):
        raise ConfigError(f"{text} is not a price: give USD a share, for instance tradebot price AAPL 195")
    return number


async def _move(settings: Settings, ticker: str, to: Decimal, port: int | None) -> int:
    """Raises ConfigError for a stock that the gateway does not know, and where there is none to be moved."""
    if port is None and settings.broker.mode != "simulated":
        raise ConfigError(
            'prices are IB\'s: only those of a simulated gateway can be moved. With mode = "simulated" there is one in the '
            "daemon; that of a `tradebot simgateway` is named by --control-port"
        )
    where = f"http://127.0.0.1:{port}" if port else "http://gateway"
    quote = {"symbol": ticker, "bid": str(to), "ask": str(to), "last": str(to)}
    connector = None if port else aiohttp.UnixConnector(str(GATEWAY_SOCKET))
    timeout = aiohttp.ClientTimeout(total=WITHIN_S)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            session.post(f"{where}/quotes", json=quote) as answer,
        ):
            said = await answer.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        at = f"127.0.0.1:{port}" if port else str(GATEWAY_SOCKET.absolute())
        fail(f"no simulated gateway answers at {at}: is it running, and is this the daemon's folder? ({error})", NOBODY)
    if answer.status != 200:
        raise ConfigError(str(said.get("error", said)))
    typer.echo(f"{ticker} costs {figures.price(to)} now, and stays there.")
    return 0
