"""A person buys by hand, where the file allows it, through the same way as alerts.

Rules: the BUY is an alert of the owner's own, judged, queued and booked like any other: every limit and every rule of its
strategy holds, its stops are placed as for any entry, and while the market is closed it waits. Only its size is his word. Its key
makes the same button worth one alert.
"""

from decimal import Decimal

from tradebot.domain.honoured import not_honoured
from tradebot.domain.strategies import Strategy
from tradebot.errors import TradebotError
from tradebot.trading.alert_rows import Outcome
from tradebot.trading.intake import Intake
from tradebot.trading.new_alerts import Report, owners_buy


class BuyNotTaken(TradebotError):
    """Buying by hand is not allowed here, or not of this strategy: the message says why."""


NOT_ALLOWED = "Buying by hand is switched off. Set allow_buy = true under [telegram] in the file, and restart."


async def would_buy(intake: Intake, strategy: Strategy, ticker: str, usd: Decimal | None, *, allowed: bool) -> Report:
    """What would become of it now; nothing is stored. Raises BuyNotTaken, LedgerUnavailable."""
    _check(strategy, ticker, usd, allowed=allowed)
    return await intake.judged(owners_buy(ticker, usd), strategy)


async def buy(
    intake: Intake, strategy: Strategy, ticker: str, usd: Decimal | None, actor: str, key: str, *, allowed: bool
) -> int | None:
    """The alert's id; None where this key has bought already. Raises BuyNotTaken, LedgerUnavailable."""
    _check(strategy, ticker, usd, allowed=allowed)
    accepted = await intake.own(owners_buy(ticker, usd), f"{key}:{ticker}", actor=actor, strategy=strategy.name)
    return accepted.alert_id if accepted.status is Outcome.QUEUED else None


def _check(strategy: Strategy, ticker: str, usd: Decimal | None, *, allowed: bool) -> None:
    if not allowed:
        raise BuyNotTaken(NOT_ALLOWED)
    if (why := not_honoured(owners_buy(ticker, usd), strategy)) is not None:
        raise BuyNotTaken(why)
