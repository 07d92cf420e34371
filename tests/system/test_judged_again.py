"""What certainly did not leave is judged again: a gateway that goes away among a hundred alerts costs none of them."""

import asyncio
from collections import Counter
from pathlib import Path

from tests.system.checker import check
from tests.system.harness import BooksNow, Daemon, Gateway, running, until
from tradebot.domain.alerts import Alert, AlertStatus
from tradebot.domain.reasons import Reason, ReasonCode

TICKERS = ("AAPL", "MSFT", "TSLA", "NVDA", "AMZN", "KO", "WMT", "DIS")
ROOM = {
    "trading__orders_per_second": "40",
    "trading__repeat_window_s": "0",
    "trading__defaults__buy_amount_usd": "1000",
    "trading__defaults__max_per_ticker": "100",
    "trading__defaults__max_open_positions": "200",
    "trading__defaults__max_daily_buys": "200",
    "trading__defaults__max_total_investment": "200000",
}


def lost_on_the_way(alert: Alert) -> bool:
    """Its order was written to a connection that was dying: whether it had left was not known, and IB never showed it."""
    why = alert.reason
    return alert.status is AlertStatus.FAILED and isinstance(why, Reason) and why.code == ReasonCode.NEVER_SEEN


async def test_a_gateway_that_goes_away_among_a_hundred_alerts_costs_none(tmp_path: Path) -> None:
    """Broken, alerts whose orders could not leave while the connection broke are never traded, or are traded twice."""
    gateway = Gateway.at(tmp_path / "gateway")
    daemon = Daemon.at(tmp_path, gateway=gateway, **ROOM)
    async with running(daemon, gateway):
        await gateway.ready()
        await gateway.control("POST", "/cash", cash="1000000")
        await daemon.ready()
        sending = asyncio.gather(
            *(daemon.alert("BUY", TICKERS[n % len(TICKERS)], alert_id=f"hundred-{n}") for n in range(100))
        )
        await until(gateway.received, "a first order")
        await asyncio.sleep(0.4)
        await gateway.control("POST", "/listening/pause", seconds=5)
        ids = await sending

        async def over() -> BooksNow | None:
            books = await daemon.books()
            waits = (AlertStatus.PENDING, AlertStatus.RECEIVED, AlertStatus.PROCESSING, AlertStatus.UNKNOWN)
            return None if any(books.alerts[one].status in waits for one in ids) else books

        books = await until(over, "the end of all alerts", every_s=0.5)
        await check(books, gateway, acknowledged=ids)
        not_traded = [one for one in ids if books.alerts[one].status is not AlertStatus.EXECUTED]
        others = [books.alerts[one] for one in not_traded if not lost_on_the_way(books.alerts[one])]
        assert not others, f"{[(one.id, one.status, one.reason) for one in others]}; {daemon.output[-5000:]}"
        assert len(not_traded) <= 1, daemon.output[-5000:]
        filled = Counter(trade.alert_id for trade in books.trades if trade.filled_qty)
        assert filled == Counter({one: 1 for one in ids if one not in not_traded})
