"""What selling, buying and blocking one ticker by hand ask and answer. Pure: facts in, HTML out."""

from collections.abc import Collection, Sequence

from tradebot.queries.exits import Exit
from tradebot.telegram.asked import ToBuy
from tradebot.telegram.markup import Buttons, bold, esc, lines, prose
from tradebot.telegram.questions import GOOD_FOR, holds_nothing
from tradebot.trading.new_alerts import Report
from tradebot.trading.new_alerts import lines as report_lines
from tradebot.words import figures
from tradebot.words.alert_report import would_trade

BUTTONS_MAX = 30
"""Telegram takes a hundred, a person does not."""


def which_to_sell(exits: Sequence[Exit], strategy: str | None, *, several: bool) -> tuple[str, Buttons]:
    """A button for each position, the largest first; each asks before it sells."""
    mine = [one for one in exits if strategy in (None, one.strategy)]
    if not mine:
        return holds_nothing(strategy), ()
    ranked = sorted(mine, key=lambda one: (one.value is None, -(one.value or 0), one.ticker))
    rows = [[sell_button(one.ticker, one.strategy if several else None, one)] for one in ranked[:BUTTONS_MAX]]
    left = len(ranked) - len(rows)
    return lines(bold("Sell which?"), f"… and {left} more: /sell TICKER" if left else None), rows


def sell_button(ticker: str, strategy: str | None, planned: Exit | None = None) -> tuple[str, str]:
    """It asks first. `planned`: how much that is."""
    whose = f"{strategy}: " if strategy else ""
    much = "" if planned is None else f" {figures.shares(planned.qty)}"
    return f"🔴 {whose}{ticker}{much}", f"sell:{ticker}{f':{strategy}' if strategy else ''}"


def would_buy(would: Report) -> bool:
    """Whether there is anything to confirm."""
    return would_trade(report_lines(would))


def buy(wanted: ToBuy, would: Report, *, several: bool) -> str:
    """`would`: what would become of it now, by the checks of a decision. Where nothing would, that and no question."""
    found = report_lines(would)
    if not would_trade(found):
        return lines(bold(f"🚫 {wanted.ticker} is not bought"), prose(found[0], 400))
    much = "" if wanted.usd is None else f", for {figures.usd(wanted.usd)}"
    of = f" for {wanted.strategy}" if several else ""
    return lines(
        bold(f"Buy {wanted.ticker}{of}{much}?"),
        "As its strategy sizes it." if wanted.usd is None else None,
        *(prose(line, 400) for line in found if not line.startswith("Read as ")),  # he has just typed it
        "It is judged again when its turn comes.",
        GOOD_FOR,
    )


def buying(alert_id: int | None, ticker: str) -> str:
    """That it waits for the open is told when it is decided, with the time."""
    if alert_id is None:
        return "Nothing more is bought.\nThis BUY was made already."
    return lines(
        f"✅ BUY {esc(ticker)} is in the queue",
        f"Alert {alert_id}: /trace {alert_id} shows what becomes of it.",
    )


def blocked(tickers: Collection[str]) -> str:
    """What /block and /unblock show without a ticker."""
    if not tickers:
        return lines("No ticker is blocked.", "/block AAPL: no alert buys it any more; exits pass.")
    rows = (f"🚫 {esc(ticker)}\n   /unblock {esc(ticker)}" for ticker in sorted(tickers))
    return lines(bold("Blocked: no BUY of"), *rows)


def is_blocked(ticker: str, *, done: bool, now: bool) -> str:
    """`done`: by this command; `now`: it is so at this moment."""
    if not now:
        return lines(
            bold(f"{ticker} is not blocked"),
            "This was done before, and lifted since.",
            f"Send /block {esc(ticker)} again to block it.",
        )
    return lines(
        bold(f"🚫 {ticker} is blocked{'' if done else ' already'}"),
        "No alert buys it; what is held can be sold.",
        f"/unblock {esc(ticker)} lifts it.",
    )


def is_unblocked(ticker: str, *, done: bool, now: bool) -> str:
    if now:
        return lines(
            bold(f"🚫 {ticker} is blocked"),
            "It was unblocked before, and blocked again since.",
            f"Send /unblock {esc(ticker)} again to lift it.",
        )
    if not done:
        return f"{esc(ticker)} is not blocked."
    return lines(bold(f"✅ {ticker} may be bought again"), f"/block {esc(ticker)} blocks it.")
