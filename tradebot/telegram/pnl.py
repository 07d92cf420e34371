"""What /pnl and /pnl_week show: what was made, what is open, and what it comes to since the start. Pure."""

from collections.abc import Iterable
from decimal import Decimal

from tradebot.domain.lots import Lot
from tradebot.domain.pnl import Summary
from tradebot.queries.results import Result
from tradebot.telegram import strategies
from tradebot.telegram.markup import bold, esc, first, lines
from tradebot.words import figures

ROWS_MAX = 25


def pnl(result: Result, strategy: str | None = None) -> str:
    summary = result.summary
    rate = summary.win_rate
    by_ticker = sorted(summary.by_ticker.items(), key=lambda item: item[1], reverse=True)
    return lines(
        bold(_title(result, strategy)),
        f"Realised {bold(_gain(summary.net, summary.cost))}",
        *_open(result),
        *_since_start(result),
        "",
        f"{figures.some(summary.buys, 'buys')}, {figures.some(summary.sells, 'sells')}",
        "Nothing was closed." if rate is None else f"Won {summary.wins} of {summary.closed} closed ({rate:.0%})",
        _extreme("Best", summary.best),
        _extreme("Worst", summary.worst) if summary.closed > 1 else None,
        f"{figures.some(summary.written_off, 'lots')} written off, P&amp;L not known" if summary.written_off else None,
        *_commissions(summary),
        *strategies.in_pnl(result.by_strategy),
        *(["", bold("Realised by ticker")] if by_ticker else []),
        *first((f"{esc(t)} {figures.signed_usd(p)}" for t, p in by_ticker), ROWS_MAX, len(by_ticker) - ROWS_MAX),
    )


def _title(result: Result, strategy: str | None) -> str:
    if result.first == result.last:
        title = f"P&L today, {result.last:%a %d %b}"
    else:
        title = f"P&L {result.first:%a %d %b} – {result.last:%a %d %b}"
    return f"{strategy}: {title}" if strategy else title


def _gain(gain: Decimal, cost: Decimal) -> str:
    return f"{figures.signed_usd(gain)} ({figures.percent(gain, cost)} of cost)" if cost else figures.signed_usd(gain)


def _open(result: Result) -> Iterable[str]:
    """What open lots would bring at IB's prices."""
    held = result.unrealised
    if held is None or not held.positions:
        return
    priced = [row for row in held.positions if row.pnl is not None]
    if not priced:
        yield "Unrealised unknown: IB has no price"
        return
    yield f"Unrealised {_gain(held.pnl, sum((row.cost for row in priced), Decimal(0)))}"
    if held.unknown:
        yield f"   without a price: {esc(', '.join(held.unknown[:8]))}"


def _since_start(result: Result) -> Iterable[str]:
    """All that ever closed, and what is open where all of it has a price."""
    start, held = result.since_start, result.unrealised
    if start is None or start.first is None:
        return
    with_open = held is not None and bool(held.positions) and not held.unknown
    total = start.realised + (held.pnl if held is not None and with_open else 0)
    yield f"Since start {figures.signed_usd(total)}{'' if with_open else ', realised'}"
    yield f"   since {start.first:%d %b %Y}"


def _commissions(summary: Summary) -> Iterable[str]:
    if summary.lot_commissions or summary.commissions_paid:
        yield ""
        yield f"Before commissions {figures.signed_usd(summary.gross)}"
        yield f"Commissions of these lots {figures.usd(summary.lot_commissions)}"
        yield f"Commissions paid in all {figures.usd(summary.commissions_paid)}"


def _extreme(word: str, lot: Lot | None) -> str | None:
    return f"{word}: {esc(lot.ticker)} {figures.signed_usd(lot.pnl)}" if lot and lot.pnl is not None else None
