"""A person sells by hand, through the same way as alerts: everything the bot holds, or the rest that an exit left.

Rules: each exit is an alert of the bot's own, judged, queued and booked like any other (so it waits for the market when it is
closed, and never sells more than its strategy holds); its key makes the same button worth one alert.
"""

from collections.abc import Sequence
from decimal import Decimal

from tradebot.trading.alert_rows import Outcome
from tradebot.trading.intake import Intake
from tradebot.trading.new_alerts import exit_of


async def sell(
    intake: Intake, lots: Sequence[tuple[str, str]], actor: str, key: str, shares: Decimal | None = None
) -> list[int]:
    """An alert for each strategy and ticker; returns the ids of those that are new. `shares`: so many of each; None: all.

    One after the other: each is a transaction of its own, and alerts from outside must find room between them. Raises
    LedgerUnavailable: what was stored before stays.
    """
    made = []
    for strategy, ticker in lots:
        accepted = await intake.own(exit_of(ticker, shares), f"{key}:{ticker}", actor=actor, strategy=strategy)
        if accepted.status is Outcome.QUEUED:
            made.append(accepted.alert_id)
    return made
