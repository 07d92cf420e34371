"""What an order costs does not depend on how often its ticker was traded before."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from tests.bot import Bot
from tests.bot_fixtures import MakeBot
from tests.long_history import fills, long_history, next_order
from tradebot.database.sqlite import SqliteTransaction
from tradebot.domain.alerts import Side
from tradebot.domain.lots import LotStatus
from tradebot.domain.settings import TradingState
from tradebot.trading.broker_update import BrokerUpdate
from tradebot.trading.snapshot import BrokerView, take_snapshot

FEW, MANY = 10, 2000


@dataclass
class Cost:
    """What the statements since `begin` found, and what the database did for it."""

    rows: int = 0
    steps: int = 0  # of SQLite's virtual machine, in tens: one at least for each row that it looks at

    def begin(self) -> None:
        self.rows = self.steps = 0

    def step(self) -> int:
        self.steps += 1
        return 0


@pytest.fixture
def cost(monkeypatch: pytest.MonkeyPatch) -> Cost:
    counted, real = Cost(), SqliteTransaction.rows

    async def rows(self: SqliteTransaction, sql: str, **values: object) -> Any:
        await self._connection.set_progress_handler(counted.step, 10)
        found = await real(self, sql, **values)
        counted.rows += len(found)
        return found

    monkeypatch.setattr(SqliteTransaction, "rows", rows)
    return counted


async def looks(bot: Bot) -> None:
    """What a BUY's and a SELL's checks read of the books."""
    now = bot.clock.now()
    view = BrokerView(now, TradingState.RUNNING, bot.broker.account(), bot.broker.positions())
    async with bot.ledger.read() as books:
        await take_snapshot(books, "AAPL", view, bot.options.hours.day_start(now))
        await books.lots(LotStatus.OPEN, ticker="AAPL")


async def costs(bot: Bot, cost: Cost, trades: int, held: int) -> Mapping[str, tuple[int, int]]:
    """Rows found and steps made by each part of an order's road, after so many trades."""
    async with bot.ledger.begin() as books:
        await long_history(books, trades, held=held)
    now, made = bot.clock.now(), {}
    for side in Side:
        order = await next_order(bot.ledger, side, now)
        for name, part in (("checks", looks(bot)), ("booking", fills(bot.booking, order, now))):
            cost.begin()
            await part
            made[f"{name} of a {side}"] = cost.rows, cost.steps
    cost.begin()
    fill = (await bot.executions(order.order_ref))[0]
    late = BrokerUpdate(executions=[replace(fill, commission=Decimal("1.25"))])
    await bot.booking.book(order.order_ref, late)
    made["a late commission"] = cost.rows, cost.steps
    return made


@pytest.mark.parametrize("held", [0, 3], ids=["flat in between", "never flat"])
async def test_an_order_costs_the_same_after_ten_trades_and_after_thousands(
    make_bot: MakeBot, tmp_path: Path, cost: Cost, held: int
) -> None:
    """A ticker that is traded often would stop the loop for seconds with each fill, and its alerts be answered 503."""
    few, many = [await costs(await make_bot(Path(mkdtemp(dir=tmp_path))), cost, trades, held) for trades in (FEW, MANY)]
    assert {part: rows for part, (rows, _) in few.items()} == {part: rows for part, (rows, _) in many.items()}
    for part, (_, steps) in many.items():
        assert steps <= few[part][1] * 1.5, f"{part}: {steps} steps after {MANY} trades, {few[part][1]} after {FEW}"


async def test_a_correction_of_an_old_trade_folds_no_more_than_it_changes(
    make_bot: MakeBot, tmp_path: Path, cost: Cost
) -> None:
    """A late commission or another price of an old fill would have the ticker's whole history folded and written anew."""
    bot = await make_bot(tmp_path)
    async with bot.ledger.begin() as books:
        await long_history(books, MANY, held=3)
        old = (await books.trades(ticker="AAPL"))[MANY // 2]
        fill = (await books.executions(old.id))[0]
    before = await bot.lots()
    corrected = BrokerUpdate(executions=[replace(fill, exec_id=f"{fill.root}.02", price=Decimal(99))])
    cost.begin()
    await bot.booking.book(old.order_ref, corrected)
    assert cost.rows < MANY / 5
    changed = [old_lot for old_lot, lot in zip(before, await bot.lots(), strict=True) if old_lot != lot]
    assert [old.id in (lot.opening_trade_id, lot.closing_trade_id) for lot in changed] == [True]
