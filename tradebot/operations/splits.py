"""The owner says that it was no split: what was recognised is a difference like any other, as long as the figures stand so."""

import json
from datetime import datetime

from tradebot.domain.corporate_actions import Split
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.account import SplitDenied
from tradebot.domain.settings import NO_SPLITS_KEY, denied_splits
from tradebot.ports import Ledger


async def deny(ledger: Ledger, split: Split, actor: str, key: str, now: datetime) -> bool:
    """False when the key was seen before. Raises LedgerUnavailable."""
    async with ledger.begin() as books:
        denied = denied_splits(await books.settings())
        if not await books.claim(key, "deny_split", actor, now):
            return False
        await books.put_setting(NO_SPLITS_KEY, json.dumps(sorted(denied | {split.key})), actor, now)
        await books.add_event(NewEvent(SplitDenied(split), now, actor=actor))
    return True
