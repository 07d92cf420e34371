"""A person sells by hand, through the same way as alerts: everything the bot holds, or the rest that an exit left.

Rules: each exit is an alert of the bot's own, judged, queued and booked like any other (so it waits for the market when it is
closed, and never sells more than is held); its key makes the same button worth one alert.
"""

from collections.abc import Sequence

from tradebot.domain.alerts import Side
from tradebot.domain.strategies import MAIN
from tradebot.trading.intake import Intake, Outcome


async def sell(intake: Intake, tickers: Sequence[str], actor: str, key: str, strategy: str = MAIN) -> list[int]:
    """An alert a ticker of the strategy; returns the ids of those that are new.

    Raises LedgerUnavailable: what was stored before stays.
    One after the other: each is a transaction of its own, and alerts from outside must find room between them.
    """
    made = []
    for ticker in tickers:
        accepted = await intake.own(Side.SELL, ticker, f"{key}:{ticker}", actor=actor, strategy=strategy)
        if accepted.status is Outcome.QUEUED:
            made.append(accepted.alert_id)
    return made
