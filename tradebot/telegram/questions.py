"""What control commands and buttons ask and answer. Pure: facts in, HTML out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradebot.domain.alerts import Alert, Side
from tradebot.domain.corporate_actions import Split
from tradebot.domain.facts.orders import SharesUnprotected
from tradebot.domain.positions import WriteOff
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import Trade, TradeStatus
from tradebot.queries.exits import Exit
from tradebot.queries.mismatches import NothingToWriteOff
from tradebot.queries.splits import NoSplit
from tradebot.queries.strategies import StrategyStatus
from tradebot.queries.unknown_orders import PresumedFill
from tradebot.telegram.asked import ToSell
from tradebot.telegram.markup import bold, esc, first, lines, plain, prose
from tradebot.telegram.orders import stays
from tradebot.words import figures, strategies
from tradebot.words.account_events import parts, split_arithmetic
from tradebot.words.standing import standing
from tradebot.words.unknown_orders import price_source

ROWS_MAX = 25
GOOD_FOR = "The button is good for 30 seconds."
EXPIRED = "⌛ Expired: nothing was done"
ENDED_BY_KILL = "⛔ Ended by /kill: nothing was done"
ENDED_BY_STOP = "⌛ The bot stopped: nothing was done"
NOTHING_HELD = "Nothing to sell: the bot holds nothing."
NOTHING_LEFT = "Nothing is left of it in the books."
NOTHING_WAITS = "No alert waits."
NOT_UNKNOWN = "This order is resolved.\nThere is nothing to decide any more."
NO_PRICE = "No price is known to book it at.\nIB is not connected, and no quote was kept. Try again when IB is back."
STALE = "This message is of another database.\nThere is nothing to accept."
RESUME_FROM_KILLED = lines(bold("⛔ The kill switch is on"), "What shall be resumed?", GOOD_FOR)
_KILLED_HINT = "⛔ The kill switch is on: SELL alerts are blocked too. First /resume, sells only."

_LOOK_FIRST = (
    "❗ First look into TWS or IB Gateway: is a dialog open, or an order waiting to be transmitted? Answer it No, or cancel it. "
    "The order before this one may otherwise still leave, and the shares be sold twice."
)
_JUST_TRADED = "{} was traded just now.\nIB's position may trail it: try again in ten seconds."
WAITS_NO_MORE = "This exit does not wait any more.\nSee /queue and /positions."


@dataclass(frozen=True, slots=True)
class AtKill:
    """Orders at work when the kill switch was thrown."""

    working: Sequence[Trade]
    connected: bool
    several: bool = False  # strategies: it has to be said whose an order is
    protective: Sequence[Trade] = ()  # these work on


def again(command: str | None, question: str) -> str:
    """How a question is asked again: by its command, or by the button that has asked it."""
    if command:
        return f"Send <code>{esc(command[:60])}</code> again if you still want it."
    return lines(esc(plain(question).partition("\n")[0]), "Press its button again if you still want it.")


def ended(why: str, how_again: str) -> str:
    """What stands in place of a question that nobody has answered."""
    return lines(bold(why), how_again or None)


def forgotten(title: str) -> str:
    """The same of a question of a bot that has ended since: it may have been answered there."""
    return lines(
        bold("⌛ This question is over"),
        esc(title) or None,
        "The bot was started anew since. Look how it stands (/status), then send the command again.",
    )


def whose(strategy: str, *, several: bool) -> str:
    """`ema: ` before something of it, where there are several strategies."""
    return f"{esc(strategy)}: " if several else ""


def killed(stored: bool, found: AtKill | None) -> str:
    title = bold("⛔ KILLED: nothing is traded")
    if not stored:
        return lines(
            title,
            "❗ In force, NOT stored: the database does not answer. It is stored as soon as it does; until then a restart of "
            "the bot would lift it.",
            "Working orders are cancelled as soon as they can be read.",
        )
    if found is None:
        return lines(
            title, "Stored.", "❗ Working orders could not be read; they are cancelled as soon as they can be."
        )
    names = [f"• {whose(trade.strategy, several=found.several)}{esc(figures.order(trade))}" for trade in found.working]
    verb = "is" if len(names) == 1 else "are"
    orders = "1 working order" if len(names) == 1 else f"{len(names)} working orders"
    away = "❗ IB is not connected: they are cancelled when it is back." if names and not found.connected else None
    return lines(
        title,
        "Stored, before this was sent.",
        f"{orders} {verb} being cancelled:" if names else "No order was at work.",
        *first(names, ROWS_MAX, len(names) - ROWS_MAX),
        away,
        stays(found.protective)[0],
        "Positions stay as they are. /resume lifts it.",
    )


def paused(state: TradingState) -> str:
    if state is TradingState.KILLED:
        return lines(bold("⛔ It stays KILLED"), "That is stricter than a pause. /resume lifts it.")
    if state is TradingState.RUNNING:
        return lines(
            bold("🟢 RUNNING"), "This pause was carried out before, and lifted since. Send /pause again to pause."
        )
    return lines(bold("⏸ PAUSED"), "BUY alerts are blocked, SELL alerts are executed.", "/resume lifts it.")


def to_sell(which: ToSell, planned: Sequence[Exit]) -> str:
    """The button's label."""
    what = f"all {len(planned)}" if which.ticker is None else which.ticker
    return f"Sell {what}{f' of {which.strategy}' if which.strategy else ''}"


def which_to_sell(choices: Sequence[tuple[ToSell, Sequence[Exit]]], state: TradingState, market_open: bool) -> str:
    """The word is a strategy's name and a ticker."""
    rows = []
    for which, planned in choices:
        named = [f"{esc(one.strategy)}: {esc(one.ticker)} {figures.shares(one.qty)}" for one in planned]
        what = f"Strategy {which.strategy}" if which.strategy else f"The ticker {which.ticker}"
        rows += [bold(what), *(f"• {row}" for row in first(named, ROWS_MAX, len(named) - ROWS_MAX))]
    return lines(
        bold("Sell which, at market?"),
        *rows,
        None if market_open else "⏳ The market is closed: they wait for the open.",
        _KILLED_HINT if state is TradingState.KILLED else None,
        GOOD_FOR,
    )


def holds_nothing(strategy: str | None) -> str:
    return f"Strategy {esc(strategy)} holds nothing.\nThere is nothing to sell." if strategy else NOTHING_HELD


def strategy_paused(name: str, now: TradingState, account: TradingState) -> str:
    """`now`: the strategy's own state, as it is stored."""
    if now is not TradingState.PAUSED:
        return lines(
            bold(f"▶ {name} is not paused"),
            "This pause was carried out before, and lifted since.",
            f"Send /pause {esc(name)} again to pause it.",
        )
    rest = "SELL alerts are blocked too: KILLED." if account is TradingState.KILLED else "SELL alerts are executed."
    return lines(bold(f"⏸ {name} is PAUSED"), f"Its BUY alerts are blocked. {rest}", f"/resume {esc(name)} lifts it.")


def strategy_resumed(name: str, now: TradingState, account: TradingState) -> str:
    if now is TradingState.PAUSED:
        return lines(
            bold(f"⏸ {name} is PAUSED"),
            "It was resumed before, and paused again since.",
            f"Send /resume {esc(name)} again to resume it.",
        )
    above = {
        TradingState.PAUSED: "But all trading is PAUSED: no BUY. /resume lifts that.",
        TradingState.KILLED: "But all trading is KILLED. /resume lifts that.",
    }.get(account, "Its BUY and SELL alerts are executed.")
    return lines(bold(f"▶ {name} is resumed"), above)


def switch_strategy(one: StrategyStatus, *, pause: bool) -> str:
    what = f"Pause {one.strategy.name}?" if pause else f"Resume {one.strategy.name}?"
    does = "Its BUY alerts are blocked then; SELL goes on." if pause else "Its BUY alerts are executed then."
    return lines(bold(what), f"It is {esc(standing(one))}.", does, GOOD_FOR)


def resumed(state: TradingState, still_paused: Sequence[str] = ()) -> str:
    """`still_paused`: the strategies that stay so by name."""
    match state:
        case TradingState.RUNNING:
            paused = prose(strategies.still_paused(still_paused).strip()) or None
            return lines(bold("🟢 RUNNING"), "BUY and SELL alerts are executed.", paused)
        case TradingState.PAUSED:
            return lines(bold("⏸ PAUSED: sells only"), "SELL alerts are executed, BUY alerts are blocked.")
    return lines(bold("⛔ It stays KILLED"), "The switch was thrown again meanwhile.")


def sell_all(
    planned: Sequence[Exit],
    state: TradingState,
    market_open: bool,
    *,
    may_come_to_life: bool = False,
    several: bool = False,
) -> str:
    """`may_come_to_life`: IB showed no such order of the exit before, which may be held behind a dialog."""
    rows = [
        f"• {whose(one.strategy, several=several)}{esc(one.ticker)} {figures.shares(one.qty)}, {_about(one.value)}"
        for one in planned
    ]
    known = [one.value for one in planned if one.value is not None]
    unknown = len(planned) - len(known)
    without = f"\n   without {unknown} of unknown price" if unknown else ""
    return lines(
        bold("Sell at market?"),
        _LOOK_FIRST if may_come_to_life else None,
        *first(rows, ROWS_MAX, len(rows) - ROWS_MAX),
        f"Together {_about(sum(known, Decimal(0)) if known else None)}{without}" if len(planned) > 1 else None,
        None if market_open else "⏳ The market is closed: they wait for the open.",
        _KILLED_HINT if state is TradingState.KILLED else None,
        GOOD_FOR,
    )


def _about(value: Decimal | None) -> str:
    return "value unknown" if value is None else f"about {figures.usd(value)}"


def selling(alerts: int) -> str:
    """That one waits for the open is told when it is decided, with the time."""
    if not alerts:
        return "Nothing more is sold.\nThese SELL alerts were made already."
    noun = "1 SELL alert is" if alerts == 1 else f"{alerts} SELL alerts are"
    return f"✅ {noun} in the queue."


def protect_again(facts: SharesUnprotected) -> str:
    last = facts.terms if facts.order_terms is None else figures.terms(facts.order_terms)
    return lines(
        bold(f"Protect {figures.shares(facts.left)} {facts.ticker} again?"),
        f"By a {esc(facts.role.lower())} as the last one was: {esc(last)}.",
        "❗ If the market stands at it or below, it sells at once. Is there another one in TWS already?",
        GOOD_FOR,
    )


def protected_again(*, done: bool) -> str:
    if not done:
        return "Nothing more is placed.\nThis was answered before. Look at /positions."
    return "✅ It is placed within seconds\nWhere IB still holds the shares and nothing else sells them. You are told."


def clear_queue(waiting: Sequence[Alert], *, several: bool = False) -> str:
    rows = [f"• {whose(alert.strategy, several=several)}{alert.action} {esc(alert.ticker)}" for alert in waiting]
    sells = sum(alert.action is Side.SELL for alert in waiting)
    return lines(
        bold(f"Clear {len(waiting)} waiting alerts?" if len(waiting) > 1 else "Clear the waiting alert?"),
        *first(rows, ROWS_MAX, len(rows) - ROWS_MAX),
        f"❗ {sells} of them would SELL." if sells else None,
        GOOD_FOR,
    )


def cleared(asked: Sequence[Alert], done: Collection[int], *, several: bool = False) -> str:
    """`done`: the ids of those that waited still."""
    gone = [alert for alert in asked if alert.id in done]
    rows = [f"• {whose(alert.strategy, several=several)}{alert.action} {esc(alert.ticker)}" for alert in gone]
    left = len(asked) - len(gone)
    return lines(
        f"🗑 {bold(f'{len(gone)} cleared')}",
        *first(rows, ROWS_MAX, len(rows) - ROWS_MAX),
        f"{left} had gone on meanwhile." if left else None,
    )


def _asked_for(trade: Trade) -> str:
    """The order without its terms, so short that a first line has room for more."""
    return f"{trade.side} {figures.shares(trade.requested_qty)} {trade.ticker}"


def it_filled(presumed: PresumedFill) -> str:
    trade = presumed.trade
    price = "unknown" if presumed.price is None else figures.price(presumed.price)
    return lines(
        bold(f"{_asked_for(trade)}: it filled?"),
        f"Order {esc(trade.order_ref)}: {esc(figures.order(trade))}",
        f"Booked would be {figures.shares(presumed.qty)} at {price}: {esc(price_source(presumed.source))}.",
        "Did you see the fill in TWS?",
        GOOD_FOR,
    )


def never_existed(presumed: PresumedFill) -> str:
    trade = presumed.trade
    filled = trade.filled_qty
    what = f"ended with {figures.shares(filled)} filled" if filled else "never at IB"
    return lines(
        bold(f"{_asked_for(trade)}: {what}?"),
        f"Order {esc(trade.order_ref)}: {esc(figures.order(trade))}",
        "Look into TWS first: orders, trades and the position. If it does exist after all, it is booked when IB shows it.",
        GOOD_FOR,
    )


def decided(trade: Trade | None, presumed: PresumedFill) -> str:
    """`presumed`: as it was asked about."""
    if trade is None or trade.status is TradeStatus.UNKNOWN:
        return NOT_UNKNOWN
    estimated = None
    if trade.status is TradeStatus.FILLED:
        estimated = (
            f"Its price is an estimate, {esc(price_source(presumed.source))}, and its commission is not known. "
            "If IB shows the executions, they take its place."
        )
    return lines(
        bold(f"✅ {_asked_for(trade)} is {trade.status}"),
        estimated or "No more of it filled, as you say.",
        f"{esc(trade.ticker)} is free again.",
    )


def accept(losses: Sequence[WriteOff]) -> str:
    """One a strategy that holds the contract: with several the owner chooses whose shares are gone."""
    one = losses[0]
    booked, gone = one.held + one.others, one.qty + one.elsewhere
    several = len(losses) > 1
    held = parts({loss.strategy: loss.held for loss in losses})
    whose = (
        " The shares of which strategy are gone? What one does not have you are asked about again." if several else ""
    )
    return lines(
        bold(f"Write off {figures.shares(gone)} {one.ticker}?"),
        f"Books {figures.shares(booked)}{esc(held)}, IB {figures.shares(booked - gone)}.{whose}",
        "The books are lowered to what IB shows. The P&amp;L of these shares is not known and counts nowhere.",
        GOOD_FOR,
    )


def write_off_label(loss: WriteOff) -> str:
    """On its button: the ticker, and whose shares where several strategies hold it."""
    return f"Write off {figures.shares(loss.qty)} of {loss.strategy}" if loss.others else f"Write off {loss.ticker}"


def nothing_to_write_off(ticker: str, why: NothingToWriteOff) -> str:
    name = esc(ticker)
    return {
        NothingToWriteOff.ORDER_UNRESOLVED: f"An order of {name} comes first.\nIt is in flight or UNKNOWN: accept then.",
        NothingToWriteOff.JUST_TRADED: _JUST_TRADED.format(name),
        NothingToWriteOff.SPLIT: f"It looks like a split of {name}.\nAnswer that first, by the button on its message.",
        NothingToWriteOff.BOOKS_AGREE: f"Books and IB agree on {name} now.\nThere is nothing to accept.",
    }[why]


def accepted(trade: Trade | None, loss: WriteOff) -> str:
    if trade is None:
        return "Nothing was written off.\nThings have changed meanwhile. Look at /positions."
    ticker = esc(trade.ticker)
    return lines(
        bold(f"✅ {figures.shares(trade.filled_qty)} {trade.ticker} written off"),
        f"Of strategy {esc(loss.strategy)}." if loss.others else None,
        "Their P&amp;L is not known and counts nowhere.",
        f"{figures.shares(loss.elsewhere)} more are missing: accept them for another strategy too."
        if loss.elsewhere
        else f"BUY of {ticker} is free again.",
    )


def split(seen: Split) -> str:
    return lines(
        bold(f"{seen.ticker}: split {seen.new} for {seen.old}?"),
        esc(split_arithmetic(seen)),
        "The bot's lots get the new quantity and price; what they cost stays the same. Does TWS show it so?",
        GOOD_FOR,
    )


def no_split(seen: Split) -> str:
    return lines(
        bold(f"{seen.ticker}: it was no split?"),
        esc(split_arithmetic(seen)),
        f"The books stay at {figures.shares(seen.booked)}: a SELL sells at most that many, at their old price.",
        GOOD_FOR,
    )


def no_split_seen(ticker: str, why: NoSplit) -> str:
    name = esc(ticker)
    return {
        NoSplit.ORDER_UNRESOLVED: f"An order of {name} comes first.\nIt is in flight or UNKNOWN.",
        NoSplit.JUST_TRADED: _JUST_TRADED.format(name),
        NoSplit.NOT_SEEN: f"{name} does not look like a split now.\nThere is nothing to answer. Look at /positions.",
    }[why]


def split_booked(seen: Split, *, done: bool) -> str:
    if not done:
        return "Nothing was changed.\nThings have changed meanwhile, or it was done already. Look at /positions."
    return lines(
        bold(f"✅ The split of {seen.ticker} is booked"),
        esc(split_arithmetic(seen)),
        "Lots and P&amp;L count in the new shares. What waited goes on within seconds.",
    )


def split_denied(seen: Split) -> str:
    return lines(
        bold(f"✅ It was no split of {seen.ticker}"),
        esc(split_arithmetic(seen)),
        "The books stay as they are, and the difference from IB is treated as any other. What waited goes on within seconds.",
    )
