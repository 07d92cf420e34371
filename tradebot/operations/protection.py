"""A person has shares protected again whose stop had ended by another hand than the bot's.

Rules: nothing is placed here: the watcher finds that it may, and places it with all its checks.
"""

from datetime import datetime

from tradebot.domain.settings import AGAIN_KEY
from tradebot.ports import Ledger


async def again(ledger: Ledger, entry_id: int, actor: str, key: str, now: datetime) -> bool:
    """False when `key` was used already, or the entry never had protection. Raises LedgerUnavailable."""
    async with ledger.begin() as books:
        orders = await books.protection_of([entry_id])
        if not orders or not await books.claim(key, "protect again", actor, now):
            return False
        await books.put_setting(AGAIN_KEY.format(entry_id), str(orders[-1].id), actor, now)
    return True
