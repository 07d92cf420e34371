"""A decision on PostgreSQL while a fill is booked beside it: what it read once must not be mixed with what it reads later."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from tests.adapters.database.samples import NOON, a_lot, a_trade, an_alert, an_execution
from tests.servers import PostgresServer
from tradebot.database import migrate, open_ledger
from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import BrokerPosition
from tradebot.domain.calendar import Calendar
from tradebot.domain.hours import Hours
from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.settings import TradingState
from tradebot.domain.terms import OrderType
from tradebot.domain.trades import OrderRole, TradeStatus
from tradebot.ports import PositionReport
from tradebot.trading.decision import decide, read_ahead
from tradebot.trading.judging import Intent, NewOrder, Policy, PreTradeData
from tradebot.trading.snapshot import BrokerView

CON_ID = 265598
now = NOON + timedelta(seconds=10)


async def test_a_late_fill_of_the_lifted_stop_is_not_sold_once_more(own_postgres: PostgresServer) -> None:
    """Otherwise the exit sells ten where the stop has sold five of them: five short."""
    await migrate.up(own_postgres.url)
    async with open_ledger(own_postgres.url) as ledger:
        async with ledger.begin() as books:
            entry_id = await a_trade(books, created_at=NOON - timedelta(days=9))
            entry = await books.trade(entry_id)
            assert entry is not None
            await books.save_trade(
                replace(entry, status=TradeStatus.FILLED, filled_qty=Decimal(10), finished_at=NOON - timedelta(days=9))
            )
            stop_id = await a_trade(
                books, side=Side.SELL, role=OrderRole.STOP, order_type=OrderType.STOP, stop_price=Decimal(180),
                parent_trade_id=entry_id, created_at=NOON - timedelta(days=9), reserved=Decimal(0),
            )  # fmt: skip
            stop = await books.trade(stop_id)
            assert stop is not None
            cancelled = replace(stop, status=TradeStatus.CANCELLED, finished_at=now - timedelta(seconds=1))
            await books.save_trade(cancelled)
            lot = a_lot(entry_id)
            await books.rewrite_lots(lot.strategy, "AAPL", [lot])
            alert_id = await books.insert_alert(an_alert(action=Side.SELL, received_at=now, alert_time=now))
            assert alert_id is not None
            alert = await books.alert(alert_id)
            assert alert is not None

        # IB's answer of a moment ago: all ten, as before the fill.
        position = BrokerPosition(CON_ID, "AAPL", Decimal(10), None, None)
        report = PositionReport({CON_ID: position}, (), now - timedelta(seconds=2))
        pre_trade = PreTradeData(position_report=report, con_ids=frozenset({CON_ID}))
        policy = Policy(FixedLimits(), Limits(), Hours(Calendar(), always=True), fractional=False)
        view = BrokerView(now, TradingState.RUNNING, None, {CON_ID: position})
        new_order = NewOrder(lambda floor: floor, lambda: "0badcafe")

        async with ledger.begin() as books:
            await read_ahead(books, alert, now - timedelta(hours=12))
            async with ledger.begin() as booking:  # the fill that came before the cancellation, told late
                await booking.put_execution(
                    stop_id, an_execution(side=Side.SELL, shares=Decimal(5), price=Decimal(180), time=now)
                )
                await booking.save_trade(replace(cancelled, filled_qty=Decimal(5), finished_at=now))
                sold = a_lot(entry_id, stop_id, qty=Decimal(5), exit_time=now)
                await booking.rewrite_lots(
                    lot.strategy, "AAPL", [sold, replace(lot, qty=Decimal(5))], closed_by=[stop_id]
                )
            decided = await decide(books, alert_id, pre_trade, policy, view, new_order=new_order)
        sells = decided.order.qty if isinstance(decided, Intent) else Decimal(0)
        assert sells <= 5, f"it sells {sells} of the five that are left"
