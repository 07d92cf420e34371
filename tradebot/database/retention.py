"""What is not needed for ever, taken away step by step: see `retention.sql`."""

from datetime import datetime

from tradebot.database import values
from tradebot.database.rows import Rows, in_chunks


class RetentionRows(Rows):
    """A part of `SqlBooks`."""

    async def prune(self, before: datetime, limit: int) -> int:
        older = values.outgoing(before)
        ids = [row["id"] for row in await self._rows("prunable_events", before=older, limit=limit)]
        for chunk in in_chunks(ids):
            for name in ("prune_deliveries", "prune_events"):
                await self._rows(name, ids=chunk)
        gone = len(ids)
        if gone < limit:
            gone += len(await self._rows("prune_job_runs", before=older, limit=limit - gone))
        if gone < limit:
            gone += len(await self._rows("prune_requests", before=older, limit=limit - gone))
        if gone < limit:
            gone += len(await self._rows("prune_raw_bodies", before=older, limit=limit - gone, empty=b""))
        return gone
