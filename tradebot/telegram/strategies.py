"""What the chat shows of strategies: /strategies, and the lines of each in /status, /settings, /pnl and /positions. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from tradebot.domain.alerts import Alert
from tradebot.domain.exposure import Exposure
from tradebot.domain.limits import Limits
from tradebot.domain.pnl import Summary, Unrealised
from tradebot.domain.settings import TradingState
from tradebot.domain.strategies import Sizing
from tradebot.queries.status import BooksStatus
from tradebot.queries.strategies import Standing, StrategyStatus
from tradebot.telegram.markup import Buttons, bold, esc, lines
from tradebot.words import figures, instructions
from tradebot.words import standing as words
from tradebot.words.limits import TITLES, Title, value_text

PAGE = 8
"""Strategies on one page."""
_SIGNS = {
    Standing.ON: "🟢",
    Standing.PAUSED: "⏸",
    Standing.DISABLED: "🚫",
    Standing.OUTSIDE_WINDOW: "🌙",
    Standing.DAILY_LOSS: "🟡",
}
_ABOVE = {TradingState.KILLED: "⛔", TradingState.PAUSED: "⏸"}


def used(name: str, now: Exposure) -> str | None:
    """What is used of a limit; None: nothing is counted for it."""
    match name:
        case "max_open_positions":
            return str(now.open_positions)
        case "max_daily_buys":
            return str(now.buys_today)
        case "max_total_investment":
            return figures.usd(now.invested)
        case "max_per_ticker":
            return "0" if now.fullest is None else f"{now.fullest[1]} ({now.fullest[0]})"
        case "max_daily_loss":
            return figures.usd(now.lost_today)
    return None


def at_risk(now: Exposure, most: Decimal | None) -> Iterable[str]:
    """What the stops leave to be lost; nothing where nothing is held or on its way, and no limit is set."""
    if now.at_risk or most:
        of = f" of {figures.usd(most)}" if most else ""
        yield f"At risk {figures.usd(now.at_risk)}{of}, down to the stops"


# --- /strategies ----------------------------------------------------------------------------------------------------


def view(found: BooksStatus, now: datetime, page: int = 0, only: str | None = None) -> tuple[str, Buttons]:
    """A page, counted from 0, with a button for each; or one of them alone."""
    rows = [one for one in found.strategies if only is None or one.strategy.name == only]
    pages = max(1, -(-len(rows) // PAGE))
    page = min(max(page, 0), pages - 1)
    shown = rows[page * PAGE : (page + 1) * PAGE]
    title = f"Strategies, page {page + 1} of {pages}" if pages > 1 else "Strategies"
    state = None if found.state is TradingState.RUNNING else f"{_ABOVE[found.state]} All trading is {found.state}"
    text = lines(
        None if only else bold(title),
        state,
        words.daily_loss(found),
        *(part for one in shown for part in _strategy(one, found, now)),
    )
    turn = [("« back", page - 1)] * (page > 0) + [("more »", page + 1)] * (page < pages - 1)
    turning = [[(label, f"page:strategies:{number}") for label, number in turn]] if turn else []
    return text.strip(), [*map(_switch, shown), *turning]


def _switch(one: StrategyStatus) -> Sequence[tuple[str, str]]:
    name = one.strategy.name
    if one.paused:
        return [(f"▶ Resume {name}", f"strategy:resume:{name}")]
    return [(f"⏸ Pause {name}", f"strategy:pause:{name}")]


def _strategy(one: StrategyStatus, booked: BooksStatus, now: datetime) -> Iterable[str]:
    strategy, own, account = one.strategy, one.limits, booked.limits
    yield ""
    yield heading(one, booked)
    yield f"   {words.sizing(strategy, Decimal(own.get('buy_amount_usd', account.buy_amount_usd)))}"
    yield f"   {words.exits(strategy)}"
    yield from (f"   {esc(line)}" for line in (*words.places(strategy), *words.bounds(strategy)))
    yield f"   {figures.some(one.lots, 'lots')}, {figures.usd(one.exposure.invested)} invested"
    yield from (f"   {row}" for row in at_risk(one.exposure, strategy.max_risk_usd))
    amount_is_said = strategy.sizing is Sizing.USD
    yield from (f"   {row}" for row in _own(one, without="buy_amount_usd" if amount_is_said else None))
    yield f"   Today {figures.signed_usd(one.exposure.realised_today)}, {figures.some(one.exposure.buys_today, 'buys')}"
    yield from _last(one.last_alert, now)


def heading(one: StrategyStatus, account: BooksStatus) -> str:
    """Green only where the account lets it buy."""
    sign = _SIGNS[one.standing]
    if one.standing is Standing.ON:
        sign = _ABOVE.get(account.state, "🟡" if account.at_daily_loss else sign)
    return f"{sign} {bold(one.strategy.name)} {esc(words.standing(one, account))}"


def _own(one: StrategyStatus, without: str | None = None) -> Iterable[str]:
    """Its own limits, with what is used of them."""
    for title in TITLES:
        if title.name in one.limits and title.name != without:
            use = used(title.name, one.exposure)
            value = value_text(title.name, one.limits[title.name])
            yield f"{esc(title.heading)} {value if use is None else f'{esc(use)} of {value}'}"


def _last(alert: Alert | None, now: datetime) -> Iterable[str]:
    if alert is None:
        yield "   No alert yet"
        return
    what = instructions.wanted(alert)
    yield f"   Last {esc(what)} {alert.status}"
    yield f"   {figures.seconds(max((now - alert.received_at).total_seconds(), 0))} ago"


# --- beside the account's figures -----------------------------------------------------------------------------------


def in_status(account: BooksStatus) -> Iterable[str]:
    """Two lines each; of the only one nothing, unless it takes no BUY."""
    found = account.strategies
    if len(found) < 2:
        yield from (heading(one, account) for one in found if one.standing is not Standing.ON)
        return
    yield ""
    yield bold("Strategies")
    for one in found:
        now = one.exposure
        yield heading(one, account)
        buys = figures.some(now.buys_today, "buys")
        yield f"   {now.open_positions} open, {buys}, {figures.signed_usd(now.realised_today)}"
        yield from (f"   {row}" for row in at_risk(now, one.strategy.max_risk_usd))


def in_settings(found: Sequence[StrategyStatus]) -> Iterable[str]:
    """Their own limits, where there are several strategies or the only one has any."""
    for one in found:
        rows = [f"   {row}" for row in _own(one)]
        if len(found) > 1 or rows:
            yield ""
            yield f"{bold(one.strategy.name)}: {'its own, besides' if rows else 'none of its own'}"
            yield from rows


def settings(one: StrategyStatus, account: Limits) -> str:
    """Every limit of a strategy: its own, or that only the account's bounds it."""
    return lines(
        bold(f"Limits of {one.strategy.name}"),
        *(_limit(title, one, account) for title in TITLES),
        "",
        bold("Fixed, changed in the file only"),
        words.sizing(one.strategy, Decimal(one.limits.get("buy_amount_usd", account.buy_amount_usd))),
        words.exits(one.strategy),
        *(esc(line) for line in (*words.places(one.strategy), *words.bounds(one.strategy))),
        *at_risk(one.exposure, one.strategy.max_risk_usd),
        "disabled" if not one.strategy.enabled else None,
    )


def _limit(title: Title, one: StrategyStatus, account: Limits) -> str:
    command = f"   /{title.command} {esc(one.strategy.name)}"
    if title.name not in one.limits:
        whole = value_text(title.name, getattr(account, title.name))
        return f"{esc(title.heading)}: the account's {whole}\n{command}"
    use = used(title.name, one.exposure)
    use = "" if use is None else f"\n   used {esc(use)}"
    return f"{esc(title.heading)} {bold(value_text(title.name, one.limits[title.name]))}{use}\n{command}"


def in_pnl(found: Mapping[str, Summary]) -> Iterable[str]:
    if not found:
        return
    yield ""
    yield bold("By strategy")
    for name, one in found.items():
        won = f", won {one.wins} of {one.closed}" if one.closed else ""
        yield f"{esc(name)} {figures.signed_usd(one.net)}{won}"


def in_positions(found: Mapping[str, Unrealised]) -> Iterable[str]:
    for name, one in found.items():
        cost = sum((row.cost for row in one.positions), Decimal(0))
        gain = "" if len(one.unknown) == len(one.positions) else f", {figures.signed_usd(one.pnl)}"
        yield f"{esc(name)} cost {figures.usd(cost)}{gain}"
