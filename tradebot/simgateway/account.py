"""The account's figures in IB's tags, from the book and the quotes. All amounts are USD; BASE repeats them.

A margin account: buying power is four times the available funds, as IB reports it, although an order may cost at most the
available funds here. Cash settles at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from tradebot.simgateway import exchange
from tradebot.simgateway.book import Book
from tradebot.simgateway.model import ZERO, Position, Quote
from tradebot.simgateway.replies import money

LEVERAGE = 4
Quoted = Callable[[str], Quote]
Cell = tuple[str, str, str]  # tag, value, currency


@dataclass(frozen=True)
class Figures:
    """What the account is worth now, in USD."""

    cash: Decimal
    stock: Decimal
    gross: Decimal
    available: Decimal
    unrealised: Decimal
    realised: Decimal

    @property
    def net(self) -> Decimal:
        return self.cash + self.stock


def figures(book: Book, quoted: Quoted) -> Figures:
    """The account's figures at the current quotes."""
    held = list(book.positions.values())
    values = [each.quantity * mark(each, quoted) for each in held]
    return Figures(
        cash=book.cash,
        stock=sum(values, ZERO),
        gross=sum((abs(value) for value in values), ZERO),
        available=exchange.available(book, lambda symbol: quoted(symbol).ask),
        unrealised=sum((unrealised(each, quoted) for each in held), ZERO),
        realised=sum((each.realised for each in held), ZERO),
    )


def mark(held: Position, quoted: Quoted) -> Decimal:
    """The price a position is valued at."""
    return quoted(held.symbol).last


def unrealised(held: Position, quoted: Quoted) -> Decimal:
    return held.quantity * (mark(held, quoted) - held.avg_cost)


def values(account: str, now: Figures) -> list[Cell]:
    """Everything that reqAccountUpdates sends."""
    owner = [("AccountCode", account, ""), ("AccountOrGroup", account, "BASE"), ("AccountOrGroup", account, "USD")]
    return [*owner, ("AccountReady", "true", ""), *ledger(now), *totals(now)]


def ledger(now: Figures) -> list[Cell]:
    """The figures by currency; the account holds USD only, so BASE is the same."""
    return [
        cell
        for currency in ("BASE", "USD")
        for cell in (
            ("CashBalance", money(now.cash), currency),
            ("TotalCashBalance", money(now.cash), currency),
            ("NetLiquidationByCurrency", money(now.net), currency),
            ("StockMarketValue", money(now.stock), currency),
            ("RealizedPnL", money(now.realised), currency),
            ("UnrealizedPnL", money(now.unrealised), currency),
            ("ExchangeRate", "1.00", currency),
            ("Currency", currency, currency),
            ("RealCurrency", currency, currency),
        )
    ]


def totals(now: Figures) -> list[Cell]:
    """The figures of the whole account, which are also those of reqAccountSummary."""
    margin = now.gross / 2
    amounts = {
        "TotalCashValue": now.cash,
        "SettledCash": now.cash,
        "AccruedCash": ZERO,
        "AvailableFunds": now.available,
        "BuyingPower": max(ZERO, now.available * LEVERAGE),
        "EquityWithLoanValue": now.net,
        "ExcessLiquidity": now.net - margin / 2,
        "FullAvailableFunds": now.available,
        "FullInitMarginReq": margin,
        "FullMaintMarginReq": margin / 2,
        "GrossPositionValue": now.gross,
        "InitMarginReq": margin,
        "MaintMarginReq": margin / 2,
        "NetLiquidation": now.net,
    }
    share = (now.net - margin / 2) / now.net if now.net > 0 else ZERO
    return [
        ("AccountType", "INDIVIDUAL", ""),
        ("Cushion", f"{share:.6f}", ""),
        ("DayTradesRemaining", "-1", ""),
        *((tag, money(value), "USD") for tag, value in amounts.items()),
    ]
