"""Settings, keys of operations and runs of jobs, as `tradebot.ports.Books` has them."""

from collections.abc import Mapping
from datetime import datetime

from tradebot.database import values
from tradebot.database.rows import Rows, key_of


class SettingRows(Rows):
    """A part of `SqlBooks`."""

    async def settings(self) -> Mapping[str, str]:
        key = key_of("settings")
        if key not in self._known:
            await self._transaction.lock("bot_settings")
            self._known[key] = {row["key"]: row["value"] for row in await self._rows("settings")}
        return self._known[key]  # type: ignore[no-any-return]

    async def put_setting(self, key: str, value: str, by: str, at: datetime) -> None:
        # The lock comes first here too: a row that does not exist yet cannot be locked, and a reader of the settings
        # must see either none or all of what this transaction changes.
        await self._transaction.lock("bot_settings")
        await self._rows(
            "put_setting", key=key, value=values.outgoing(value), by=values.outgoing(by), at=values.outgoing(at)
        )

    async def forget_setting(self, key: str) -> None:
        await self._transaction.lock("bot_settings")
        await self._rows("forget_setting", key=key)

    async def setting_authors(self) -> Mapping[str, str]:
        return {row["key"]: row["updated_by"] for row in await self._rows("setting_authors")}

    async def claim(self, key: str, operation: str, by: str, at: datetime) -> bool:
        row = await self._row("claim", key=key, operation=operation, by=values.outgoing(by), at=values.outgoing(at))
        return row is not None

    async def was_claimed(self, key: str) -> bool:
        return await self._row("was_claimed", key=key) is not None

    async def record_job(self, job: str, slot: datetime) -> bool:
        return await self._row("record_job", job=job, slot=values.outgoing(slot)) is not None

    async def job_runs(self) -> Mapping[str, datetime]:
        return {row["job"]: values.time(row["slot"]) for row in await self._rows("job_runs")}
