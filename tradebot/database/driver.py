"""What `rows.py`, `migrate.py` and the instance lock need of a database: transactions that run SQL, nothing more.

Rules: a transaction is committed when its block ends and rolled back on any exception, cancellation included, and that end is
never itself cut short; every error that means "the database cannot do it now" is LedgerUnavailable.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

Row = Mapping[str, Any]


class Transaction(Protocol):
    """SQL inside one transaction."""

    async def rows(self, sql: str, **values: object) -> Sequence[Row]:
        """Runs one statement with its `:name` parameters. Those that are asked for at once may share a round trip."""

    async def script(self, sql: str) -> None:
        """Runs the statements of a migration, written for PostgreSQL."""

    async def lock(self, *names: str) -> None:
        """Waits until no other transaction holds these names, and holds them to the end. Reading transactions take none."""

    async def share(self, name: str) -> None:
        """As `lock`, but any number of transactions share the name; only `lock` waits for them, and they for it."""


class Driver(Protocol):
    """A database that runs transactions."""

    name: str
    place: str  # for people: kind, host and database, or file

    def transaction(self, *, write: bool = True) -> AbstractAsyncContextManager[Transaction]: ...


def heed_cancellation() -> None:
    """Raises CancelledError when this task was asked to end and does not know.

    asyncpg, like asyncio's own `wait_for` before Python 3.12, can lose a cancellation that comes together with an answer or an
    error; the task would then go on for ever, and a daemon whose lock is gone would never exit.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def to_the_end(step: Coroutine[Any, Any, None]) -> None:
    """Awaits `step` whole: a cancellation meanwhile is raised when it is done, not before."""
    task = asyncio.create_task(step, name="database: a step to its end")
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
        except Exception:  # noqa: S110  # raised below, by the task's own result
            pass
    if cancelled is not None:
        task.cancelled() or task.exception()  # seen, but the cancellation must not be lost: the caller may try again
        raise cancelled
    task.result()
