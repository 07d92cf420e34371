"""`tradebot` as it is, which also writes down how many tasks its loop has: nobody outside can count them."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import tradebot.runtime.supervisor
from tradebot.cli import main

EVERY_S = 1.0
_run: Callable[..., Awaitable[None]] = tradebot.runtime.supervisor.run


async def _count() -> None:
    file = Path(os.environ["TASKS_FILE"])
    while True:
        file.write_text(str(len(asyncio.all_tasks())))  # noqa: ASYNC240 - a few bytes, in a test
        await asyncio.sleep(EVERY_S)


async def _run_and_count(*arguments: Any, **named: Any) -> None:
    counting = asyncio.create_task(_count())
    try:
        await _run(*arguments, **named)
    finally:
        counting.cancel()


if __name__ == "__main__":
    tradebot.runtime.supervisor.run = _run_and_count
    main()
