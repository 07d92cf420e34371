"""Lots after any order of fills, corrections, late commissions and write-offs: folded on from a checkpoint, and folded whole."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.adapters.database.samples import NOON, a_trade, an_action, an_execution, without_ids
from tradebot.database import migrate, open_ledger
from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Execution
from tradebot.domain.lots import Lot, LotStatus, fold, summarise
from tradebot.domain.trades import OrderRole, TradeStatus
from tradebot.ports import Books, Ledger
from tradebot.trading.refold import filled, refold

EXAMPLES = 80
PRICES = st.decimals(Decimal("0.01"), Decimal(2_000), places=2)
COMMISSIONS = st.none() | st.decimals(Decimal(0), Decimal(9), places=4)
_numbers = count(1)


@dataclass(frozen=True)
class Place:
    """A database for all examples: each has a ticker of its own, beside the others' rows."""

    runner: asyncio.Runner
    ledger: Ledger


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    url = f"sqlite:///{tmp_path_factory.mktemp('lots') / 'any.db'}"
    with asyncio.Runner() as runner:
        runner.run(migrate.up(url))
        opened = open_ledger(url)
        yield Place(runner, runner.run(opened.__aenter__()))
        runner.run(opened.__aexit__(None, None, None))


class History:
    """One ticker's trades, and what happens to them."""

    def __init__(self, books: Books, data: st.DataObject) -> None:
        self.books, self.draw = books, data.draw
        self.ticker = f"T{next(_numbers)}"
        self.trades: list[int] = []
        self.entries: list[tuple[int, int]] = []  # with their contracts
        self.fills: list[tuple[int, Execution]] = []

    async def happens(self) -> None:
        """One event, booked and folded as `Booking` does, and compared with the fold of everything."""
        kinds: list[Callable[[], Awaitable[int | None]]] = [self.order]
        kinds += [self.fill] * 3 if self.trades else []
        kinds += [self.protect] if self.entries else []
        kinds += [self.correction, self.correction, self.commission, self.split] if self.fills else []
        trade_id = await self.draw(st.sampled_from([*kinds, self.write_off]))()
        if trade_id is None:
            return
        await self.summed_up(trade_id)
        trade = await self.books.trade(trade_id)
        assert trade is not None
        await refold(self.books, trade, page_size=self.draw(st.sampled_from([1, 2, 3, 50])))
        trades = await filled(self.books, await self.books.trades(ticker=self.ticker))
        whole = fold(self.ticker, trades, await self.books.corporate_actions("main", self.ticker))
        rows = without_ids(await self.books.lots(ticker=self.ticker))
        assert sorted(rows, key=_place) == sorted(whole.lots, key=_place)

    async def order(self) -> None:
        side = self.draw(st.sampled_from(Side))
        con_id = self.draw(st.sampled_from([1, 1, 1, 2, 3]))
        trade_id = await a_trade(
            self.books, ticker=self.ticker, side=side, con_id=con_id, order_ref=f"tb-{next(_numbers)}-any"
        )
        self.trades.append(trade_id)
        if side is Side.BUY:
            self.entries.append((trade_id, con_id))

    async def protect(self) -> None:
        """A stop of one of the entries: it fills whenever it does, and sells its own entry's shares."""
        entry, con_id = self.draw(st.sampled_from(self.entries))
        self.trades.append(
            await a_trade(
                self.books,
                ticker=self.ticker,
                side=Side.SELL,
                con_id=con_id,
                role=OrderRole.STOP,
                parent_trade_id=entry,
                order_ref=f"tb-{next(_numbers)}-stop",
            )
        )

    async def fill(self) -> int:
        """A part of any order, however long ago it was placed; mostly of the newest."""
        trade_id = self.draw(st.just(self.trades[-1]) | st.sampled_from(self.trades))
        number = next(_numbers)
        fill = an_execution(
            f"{number}.01",
            shares=Decimal(self.draw(st.integers(1, 20))),
            price=self.draw(PRICES),
            commission=self.draw(COMMISSIONS),
            time=NOON + timedelta(seconds=number),
        )
        self.fills.append((trade_id, fill))
        await self.books.put_execution(trade_id, fill)
        return trade_id

    async def correction(self) -> int:
        """Of price and shares; 0 shares: the fill was none."""
        shares = Decimal(self.draw(st.integers(0, 20)))
        return await self.told_again(shares=shares, price=self.draw(PRICES))

    async def commission(self) -> int:
        return await self.told_again(commission=self.draw(st.decimals(Decimal(0), Decimal(9), places=4)))

    async def told_again(self, **changes: object) -> int:
        number = self.draw(st.integers(0, len(self.fills) - 1))
        trade_id, fill = self.fills[number]
        changed = replace(fill, exec_id=f"{fill.root}.{fill.revision + 1:02}", **changes)  # type: ignore[arg-type]
        self.fills[number] = trade_id, changed
        await self.books.put_execution(trade_id, changed)
        return trade_id

    async def write_off(self) -> int | None:
        lots = await self.books.lots(LotStatus.OPEN, ticker=self.ticker)
        if not lots:
            return None
        trade_id = await a_trade(
            self.books,
            ticker=self.ticker,
            side=Side.SELL,
            con_id=lots[0].con_id,
            order_ref=f"tb-{next(_numbers)}-written-off",
        )
        self.trades.append(trade_id)
        trade = await self.books.trade(trade_id)
        assert trade is not None
        gone = replace(trade, filled_qty=lots[0].qty, status=TradeStatus.FILLED, finished_at=NOON)
        await self.books.save_trade(gone)
        return trade_id

    async def split(self) -> int | None:
        """The owner confirms one, of what is open now, after the newest trade."""
        lots = await self.books.lots(LotStatus.OPEN, ticker=self.ticker)
        if not lots:
            return None
        con_id = self.draw(st.sampled_from(sorted({lot.con_id for lot in lots})))
        held = sum((lot.qty for lot in lots if lot.con_id == con_id), Decimal(0))
        new, old = self.draw(st.sampled_from([(10, 1), (3, 2), (1, 2), (1, 7), (1, 1)]))
        action = an_action(
            self.trades[-1],
            ticker=self.ticker,
            con_id=con_id,
            new_con_id=self.draw(st.sampled_from([con_id, 3])),
            new_shares=new,
            old_shares=old,
            qty_before=held,
            qty_after=max(Decimal(1), (held * new / old).to_integral_value()),
        )
        await self.books.add_corporate_action(action)
        return self.trades[-1]

    async def summed_up(self, trade_id: int) -> None:
        executions = await self.books.executions(trade_id)
        if not executions:
            return
        total, trade = summarise(executions), await self.books.trade(trade_id)
        assert trade is not None
        figures = replace(trade, filled_qty=total.qty, avg_fill_price=total.avg_price, commission=total.commission)
        if total.qty and trade.is_protective and trade.placed_after is None:
            after, nth = await self.books.next_place("main", self.ticker)
            figures = replace(figures, placed_after=after, placed_nth=nth)
        await self.books.save_trade(figures)


def _place(lot: Lot) -> tuple[int, int]:
    return lot.opening_trade_id, lot.closing_trade_id or 0


@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
@given(data=st.data(), events=st.integers(5, 40))
def test_a_fold_from_a_checkpoint_comes_to_the_rows_of_the_whole_fold(
    place: Place, data: st.DataObject, events: int
) -> None:
    """In some order of events the books would depend on how much of a ticker's history was folded anew."""

    async def history() -> None:
        async with place.ledger.begin() as books:
            one = History(books, data)
            for _ in range(events):
                await one.happens()

    place.runner.run(history())
