"""The account's figures in IB's tags, from what it holds, the quotes and its kind (the switches).

A margin account: buying power is four times the available funds, as IB reports it, although an order may cost at most the
available funds here. In a cash account it is the available funds, and what was sold settles the next day. Stocks and their
cash are in USD; an account with another base currency has its totals in that, and USD as one of its currencies, if it has any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from tradebot.simgateway import exchange
from tradebot.simgateway.book import Book, Opening, commission
from tradebot.simgateway.model import ZERO, Order, Position, Quote, Ticket
from tradebot.simgateway.replies import WhatIf, money
from tradebot.simgateway.switches import Switches

LEVERAGE = 4
Quoted = Callable[[str], Quote]
Cell = tuple[str, str, str]  # tag, value, currency


@dataclass(frozen=True)
class Standing:
    """What the account holds at one moment; of its positions' results, today's alone."""

    cash: Decimal
    positions: Mapping[int, Position]
    orders: tuple[Order, ...] = ()
    unsettled: Decimal = ZERO

    def live_orders(self) -> list[Order]:
        return list(self.orders)


def standing(book: Book, now: datetime) -> Standing:
    """What the account holds now."""
    today = book.today(now)
    held = {
        con_id: replace(each, realised=each.realised - today.opening.get(con_id, Opening()).realised)
        for con_id, each in book.positions.items()
    }
    return Standing(book.cash, held, tuple(book.live_orders()), today.unsettled)


@dataclass(frozen=True)
class Figures:
    """What the account is worth at one moment, in USD; ``realised`` is today's."""

    cash: Decimal
    unsettled: Decimal
    stock: Decimal
    gross: Decimal
    available: Decimal
    unrealised: Decimal
    realised: Decimal
    has_stock: bool

    @property
    def net(self) -> Decimal:
        return self.cash + self.stock


def figures(then: Standing, quoted: Quoted) -> Figures:
    """The figures of what the account held then, at the current quotes."""
    held = list(then.positions.values())
    values = [each.quantity * mark(each, quoted) for each in held]
    return Figures(
        cash=then.cash,
        unsettled=then.unsettled,
        stock=sum(values, ZERO),
        gross=sum((abs(value) for value in values), ZERO),
        available=exchange.available(then, lambda symbol: quoted(symbol).ask),
        unrealised=sum((unrealised(each, quoted) for each in held), ZERO),
        realised=sum((each.realised for each in held), ZERO),
        has_stock=bool(held),
    )


def mark(held: Position, quoted: Quoted) -> Decimal:
    """The price a position is valued at."""
    return quoted(held.symbol).last


def unrealised(held: Position, quoted: Quoted) -> Decimal:
    return held.quantity * (mark(held, quoted) - held.avg_cost)


def daily(book: Book, held: Position, quoted: Quoted, now: datetime) -> Decimal:
    """What a stock brought since yesterday's close: today's trades, and what it is worth more than then."""
    before = book.today(now).opening.get(held.con_id, Opening())
    quote = quoted(held.symbol)
    return held.quantity * quote.last - before.quantity * quote.close + book.flow(held.con_id) - before.flow


def values(account: str, now: Figures, kind: Switches) -> list[Cell]:
    """Everything that reqAccountUpdates sends."""
    owner = [("AccountCode", account, "")]
    owner += [("AccountOrGroup", account, currency) for currency in dict.fromkeys(("BASE", kind.base_currency, "USD"))]
    return [*owner, ("AccountReady", "true", ""), *ledger(now, kind), *totals(now, kind)]


def ledger(now: Figures, kind: Switches) -> list[Cell]:
    """The figures by currency: all of it in the base currency, and each currency that the account has ever held."""
    rate, own = _rate(kind), _own_cash(kind)
    in_usd = (now.cash, now.net, now.stock, now.realised, now.unrealised)
    in_base = tuple(amount * rate for amount in in_usd)
    rows = {"BASE": ((in_base[0] + own, in_base[1] + own, *in_base[2:]), Decimal(1))}
    if kind.base_currency != "USD":
        rows[kind.base_currency] = ((own, own, ZERO, ZERO, ZERO), Decimal(1))
    if kind.base_currency == "USD" or now.cash or now.has_stock:
        rows["USD"] = (in_usd, rate)
    return [cell for currency, (amounts, worth) in rows.items() for cell in _row(currency, amounts, worth)]


def _row(currency: str, amounts: tuple[Decimal, ...], worth: Decimal) -> list[Cell]:
    cash, net, stock, realised, open_result = amounts
    return [
        ("CashBalance", money(cash), currency),
        ("TotalCashBalance", money(cash), currency),
        ("NetLiquidationByCurrency", money(net), currency),
        ("StockMarketValue", money(stock), currency),
        ("RealizedPnL", money(realised), currency),
        ("UnrealizedPnL", money(open_result), currency),
        ("ExchangeRate", f"{worth:.2f}" if worth == 1 else f"{worth:.7f}", currency),
        ("Currency", currency, currency),
        ("RealCurrency", currency, currency),
    ]


def totals(now: Figures, kind: Switches) -> list[Cell]:
    """The figures of the whole account, which are also those of reqAccountSummary: in its base currency."""
    rate, own = _rate(kind), _own_cash(kind)
    cash, net, margin = now.cash * rate + own, now.net * rate + own, now.gross * rate / 2
    unsettled = now.unsettled * rate if kind.cash_account else ZERO
    available = now.available * rate + own - unsettled
    amounts = {
        "TotalCashValue": cash,
        "SettledCash": cash - unsettled,
        "AccruedCash": ZERO,
        "AvailableFunds": available,
        "BuyingPower": max(ZERO, available * (1 if kind.cash_account else LEVERAGE)),
        "EquityWithLoanValue": net,
        "ExcessLiquidity": net - margin / 2,
        "FullAvailableFunds": available,
        "FullInitMarginReq": margin,
        "FullMaintMarginReq": margin / 2,
        "GrossPositionValue": now.gross * rate,
        "InitMarginReq": margin,
        "MaintMarginReq": margin / 2,
        "NetLiquidation": net,
    }
    share = (net - margin / 2) / net if net > 0 else ZERO
    return [
        ("AccountType", kind.account_type, ""),
        *([("TradingType-S", kind.trading_type, "")] if kind.trading_type else []),
        ("Cushion", f"{share:.6f}", ""),
        ("DayTradesRemaining", "-1", ""),
        *((tag, money(value), kind.base_currency) for tag, value in amounts.items()),
    ]


def what_if(then: Standing, ticket: Ticket, quoted: Quoted) -> WhatIf:
    """What an order would do to margins (half of what is held, and half of that) and equity, in USD."""
    now = figures(then, quoted)
    held = then.positions[ticket.con_id].quantity if ticket.con_id in then.positions else ZERO
    quantity = held + (ticket.quantity if ticket.action == "BUY" else -ticket.quantity)
    quote = quoted(ticket.symbol)
    gross = now.gross + (abs(quantity) - abs(held)) * quote.last
    fee = commission(ticket.quantity)
    return WhatIf((now.gross / 2, now.gross / 4, now.net), (gross / 2, gross / 4, now.net - fee), fee)


def _rate(kind: Switches) -> Decimal:
    """What a dollar is worth in the base currency."""
    return Decimal(1) if kind.base_currency == "USD" else Decimal(repr(kind.usd_rate))


def _own_cash(kind: Switches) -> Decimal:
    """Cash in a base currency that is not USD."""
    return ZERO if kind.base_currency == "USD" else Decimal(repr(kind.base_cash))
