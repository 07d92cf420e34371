"""Figures of a period, counted in a process of its own that ends with its answer.

Rules: the daemon reads the books page by page and hands each page on: it never holds a history, and neither counting nor what is
counted from takes the processor or memory of trading, however long the history is. The process has no secret, connects to
nothing and writes no file. What comes back is our own process's word.
"""

import asyncio
import os
import pickle
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from tradebot.domain.calendar_units import Unit
from tradebot.domain.hours import Hours
from tradebot.domain.period import Period
from tradebot.errors import NotCounted
from tradebot.queries.known import Part

DEADLINE_S = 300.0
"""After all is read: many times as long as 100,000 lots take on a machine at rest."""
_PASSED_ON = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TZDIR", "PYTHONTZPATH")  # no secret among them


async def counted(known: AsyncIterator[Part], hours: Hours, now: datetime, period: Period, unit: Unit | None) -> Any:
    """A `Performance`; with a unit its `Span`s. Raises NotCounted, and what reading raises."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "tradebot.queries.count_apart"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
    )
    try:
        assert process.stdin is not None, "it was asked for"
        with suppress(BrokenPipeError, ConnectionResetError):  # it has ended: why is told below
            process.stdin.write(pickle.dumps((hours, now, period, unit)))
            async for part in known:
                process.stdin.write(pickle.dumps(part))
                await process.stdin.drain()
        process.stdin.close()
        async with asyncio.timeout(DEADLINE_S):
            answer, errors = await process.communicate()
    except TimeoutError:
        raise NotCounted(
            f"the figures of a period were not counted within {DEADLINE_S:.0f} s; ask again later"
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        why = errors.decode(errors="replace").strip()[-1000:] or "it said nothing"
        raise NotCounted(f"the process that counts a period's figures ended with {process.returncode}: {why}")
    return await asyncio.to_thread(pickle.loads, answer)
