"""Some months of an account and its two strategies, the same every time."""

import random
from datetime import date, timedelta
from decimal import Decimal

from tests.domain.analytics.samples import at_close, equity, lot, open_lot, order, sessions
from tradebot.domain.analytics.performance import Known
from tradebot.domain.daily_bars import DailyBar


def history(many: int) -> Known:
    """So many sessions from May 2026 on."""
    dice, days = random.Random(5), sessions(many, date(2026, 5, 1))
    worth, spy, prices = 100_000.0, 600.0, {"AAPL": 200.0, "KO": 70.0}
    rows, lots, orders = [], [], []
    bars: dict[str, list[DailyBar]] = {"SPY": [], "AAPL": [], "KO": []}
    for day in days:
        market = dice.gauss(0.0006, 0.009)
        spy *= 1 + market
        worth *= 1 + 0.4 * market + dice.gauss(0.0004, 0.004)
        rows.append(equity(day, f"{worth:.2f}"))
        bars["SPY"].append(DailyBar("SPY", day, *4 * [Decimal(f"{spy:.4f}")]))
        prices = {ticker: price * (1 + market + dice.gauss(0, 0.01)) for ticker, price in prices.items()}
        for ticker, price in prices.items():
            bars[ticker].append(DailyBar(ticker, day, *4 * [Decimal(f"{price:.4f}")]))
        for _ in range(dice.randrange(0, 4)):
            at = at_close(day) - timedelta(hours=dice.random() * 6)
            strategy = dice.choice(["ema", "ema", "rsi"])
            bought = at - timedelta(hours=dice.random() * 60)
            lots.append(lot(f"{dice.gauss(4, 30):.2f}", strategy=strategy, entry_time=bought, exit_time=at))
            orders.append(
                order(
                    strategy=strategy,
                    received_at=at,
                    alert_time=at - timedelta(seconds=1),
                    created_at=at + timedelta(seconds=0.08),
                    submitted_at=at + timedelta(seconds=0.1 + dice.random() ** 9 * 2),
                    finished_at=at + timedelta(seconds=0.6),
                    avg_fill_price=Decimal(f"{100.10 + dice.random() * 0.05:.4f}"),
                )
            )
    held = [open_lot(strategy="ema", entry_time=at_close(days[-3]))]
    held.append(open_lot(strategy="rsi", ticker="KO", entry_time=at_close(days[-2])))
    return Known(days[0], days[-1], at_close(days[-1]) + timedelta(hours=1), rows, [*lots, *held], orders, bars)
