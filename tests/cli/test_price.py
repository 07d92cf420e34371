"""`tradebot price`: who tries the bot out sees his stops and targets at work."""

from pathlib import Path

import pytest

from tests.cli.conftest import Type
from tests.cli.shell import tradebot
from tradebot.config import GATEWAY_SOCKET
from tradebot.simgateway import GatewaySettings, open_gateway


async def test_it_moves_the_market_of_the_gateway_inside_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An owner who tries the bot sees a stop and a target wait for ever, for he cannot make the price move."""
    monkeypatch.chdir(tmp_path)
    GATEWAY_SOCKET.parent.mkdir()
    async with open_gateway(GatewaySettings(port=0, control_port=0, control_socket=GATEWAY_SOCKET)) as gateway:
        moved = await tradebot(tmp_path, "price", "NASDAQ:AAPL", "195.5")
        assert (moved.code, moved.out) == (0, "AAPL costs $195.50 now, and stays there.\n"), moved.all
        quote = gateway.quotes["AAPL"]
        assert [str(price) for price in (quote.bid, quote.ask, quote.last)] == ["195.5"] * 3
        assert GATEWAY_SOCKET.stat().st_mode & 0o077 == 0, "nobody else of the machine plays with it"

        other = await tradebot(tmp_path, "price", "AAPL", "196", "--control-port", str(gateway.control_port))
        assert (other.code, str(gateway.quotes["AAPL"].last)) == (0, "196"), other.all
        none = await tradebot(tmp_path, "price", "ZZZZ", "5")
        assert (none.code, "no such ticker: ZZZZ" in none.err) == (2, True), none.all
    gone = await tradebot(tmp_path, "price", "AAPL", "195")
    assert (gone.code, "no simulated gateway answers" in gone.err) == (3, True), gone.all


@pytest.mark.parametrize("text", ["0", "-1", "NaN", "cheap"])
def test_what_is_no_price_is_said(typed: Type, text: str) -> None:
    """A slip of the finger ends in a traceback, or a stock is worth nothing."""
    ran = typed("price", "AAPL", "--", text)
    assert (ran.code, f"{text} is not a price: give USD a share" in ran.err) == (2, True), ran.all


def test_ib_s_prices_are_not_moved(typed: Type) -> None:
    """The owner believes that he has moved a market which is IB's."""
    ran = typed("price", "AAPL", "195", broker__mode="gateway")
    assert (ran.code, "prices are IB's: only those of a simulated gateway can be moved" in ran.words) == (2, True)


async def test_a_folder_without_sockets_costs_the_moving_alone(tmp_path: Path) -> None:
    """On a file system without sockets the simulated gateway, and the bot with it, does not start."""
    settings = GatewaySettings(port=0, control_port=0, control_socket=tmp_path / "nowhere" / "gateway.sock")
    async with open_gateway(settings) as gateway:
        assert gateway.control_port
