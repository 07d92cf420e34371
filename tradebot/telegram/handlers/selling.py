"""What a person confirmed is sold, strategy by strategy: an alert for each of its tickers."""

from collections.abc import Sequence

from tradebot.operations.operations import Operations
from tradebot.queries.exits import Exit


async def sell_each(operations: Operations, planned: Sequence[Exit], by: str, key: str) -> int:
    """How many alerts are new. Raises LedgerUnavailable: what was stored before stays."""
    made = 0
    for strategy in dict.fromkeys(one.strategy for one in planned):
        tickers = [one.ticker for one in planned if one.strategy == strategy]
        made += len(await operations.sell(tickers, by, key, strategy))
    return made
