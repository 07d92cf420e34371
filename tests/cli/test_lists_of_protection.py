"""The command line's lists where orders wait at IB: at which prices, how far away, and what they protect."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tests.cli.conftest import Type
from tests.cli.shell import Ran
from tests.protected import bracket, ends, fills
from tradebot.domain.trades import Trade


class Shell:
    """The command line beside a bot that is not running."""

    def __init__(self, bot: Bot, typed: Type) -> None:
        self.bot = bot
        self._typed = typed

    async def __call__(self, *line: str) -> Ran:
        ran = await asyncio.to_thread(self._typed, *line, database__url=self.bot.url)
        assert ran.code == 0, ran.all
        return ran

    async def json(self, *line: str) -> Any:
        return json.loads((await self(*line, "--json")).out)


@pytest.fixture
async def shell(make_bot: MakeBot, typed: Type) -> Shell:
    return Shell(await make_bot(), typed)


async def test_orders_and_positions_have_levels_and_distances(shell: Shell) -> None:
    """Without the chat the owner could not see at which prices his shares are sold, or that some of them are not."""
    await bracket(shell.bot)
    (headings, *rows) = (await shell("orders")).out.splitlines()
    row, stop, target = (
        next(row for row in rows if said in row) for said in ("  SELL 10 AAPL  ", "stop $", "target $")
    )
    assert row.index("tb-") == headings.index("orderRef"), "under its own heading"
    assert "SELL 10 AAPL stop $95.00, 5.0 % below the market, $100.00" in stop
    assert "SELL 10 AAPL target $110.00, 10.0 % above the market, $100.00" in target
    assert "stop $95.00 (−5.0 %), target $110.00 (+10.0 %)" in (await shell("positions")).out
    (row,) = (await shell.json("positions"))["positions"]
    assert (row["stops"][0]["terms"]["stop_price"], row["stops"][0]["qty"]) == ("95", "10")
    listed = (await shell.json("orders"))["orders"]
    assert [Decimal(one["last_price"]["price"]) for one in listed] == [100, 100]
    await shell.bot.owns(4)
    assert "4 without a stop, stop $95.00 (−5.0 %) for 10" in (await shell("positions")).out


async def test_an_alert_says_what_became_of_its_shares_too(shell: Shell) -> None:
    """Of an entry that was stopped out the list would show the stop's price as what it was bought at."""
    _, stop, target = await bracket(shell.bot)
    await fills(shell.bot, stop, 10, "94.90")
    await ends(shell.bot, target)
    assert "EXECUTED 10 at $100.00; stopped out 10 at $94.90" in (await shell("alerts")).out


def _section(page: str, order: Trade) -> str:
    return page.partition(f"Order {order.order_ref}")[2].partition("\n\n")[0]


async def test_a_trace_shows_how_its_orders_hang_together(shell: Shell) -> None:
    """Three orders of one alert would be three orders that nobody can tell apart."""
    entry, stop, target = await bracket(shell.bot)
    page = (await shell("trace", stop.order_ref)).out
    assert f"Alert {entry.alert_id}: BUY AAPL, EXECUTED" in page
    assert f"STOP {stop.order_ref}, TARGET {target.order_ref}" in _section(page, entry)
    assert f"protects what {entry.order_ref} bought" in _section(page, stop)
    assert "SELL 10 AAPL target $110.00 LMT GTC (TARGET 1)" in _section(page, target)
