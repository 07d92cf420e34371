"""Settings, keys of operations and runs of jobs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol


class SettingBook(Protocol):
    """A part of `Books`."""

    async def settings(self) -> Mapping[str, str]:
        """Every stored setting, locked against change until this transaction ends."""

    async def setting_authors(self) -> Mapping[str, str]:
        """Who stored each setting last, by key."""

    async def put_setting(self, key: str, value: str, by: str, at: datetime) -> None: ...

    async def forget_setting(self, key: str) -> None:
        """As if it had never been stored."""

    async def claim(self, key: str, operation: str, by: str, at: datetime) -> bool:
        """Remembers that an operation was done under this idempotency key. False when the key is there: do nothing."""

    async def was_claimed(self, key: str) -> bool:
        """Whether an operation was done under this key."""

    async def record_job(self, job: str, slot: datetime) -> bool:
        """False when that job has already run for that slot."""

    async def job_runs(self) -> Mapping[str, datetime]:
        """The last slot recorded for each job that ever ran."""
