"""Work in a process of its own, which ends with its answer: what is heavy takes neither the processor nor the memory of trading.

Rules: it is given no secret and a limited memory; it is ended when it is late, and when nobody waits for it any more. Where the
machine runs out of memory, it goes before the daemon.
"""

import asyncio
import os
import resource
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path

MEMORY_MAX = 2 * 1024**3
"""Bytes; a hundred thousand lots take 449 MB to be counted."""
_PASSED_ON = (
    *("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TZDIR", "PYTHONTZPATH"),
    *("HOME", "TMPDIR", "XDG_CACHE_HOME", "MPLCONFIGDIR"),
)  # no secret among them


class NoAnswer(Exception):
    """Why there is none, after "it": "ended with 1: MemoryError"."""


async def answer_of(program: Sequence[str], given: AsyncIterator[bytes], deadline_s: float) -> bytes:
    """What a program of Python's, `-m name` or a file, answers to what it is given piece by piece. Raises NoAnswer, and what
    `given` raises.

    `deadline_s`: for taking a piece, and for its answer once it has all of them."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", *program),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
    )
    try:
        assert process.stdin is not None, "it was asked for"
        _limit(process.pid)
        with suppress(BrokenPipeError, ConnectionResetError):  # it has ended: why is told below
            async for piece in given:
                process.stdin.write(piece)
                async with asyncio.timeout(deadline_s):
                    await process.stdin.drain()
        process.stdin.close()
        async with asyncio.timeout(deadline_s):
            answer, errors = await process.communicate()
    except TimeoutError:
        raise NoAnswer(f"did not answer within {deadline_s:g} s") from None
    finally:
        await _ended(process)
    if process.returncode != 0:
        why = errors.decode(errors="replace").strip()[-1000:] or "it said nothing"
        raise NoAnswer(f"ended with {process.returncode}: {why}")
    return answer


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Kills it if it still runs, and waits for its end however often that is cancelled: nobody else would."""
    if process.returncode is None:
        process.kill()
    cancelled: asyncio.CancelledError | None = None
    while process.returncode is None:
        try:
            await process.wait()
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


def _limit(pid: int) -> None:
    with suppress(OSError):  # it has ended; or a system that has no such thing
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000")
    if sys.platform == "linux":
        with suppress(OSError):
            resource.prlimit(pid, resource.RLIMIT_DATA, (MEMORY_MAX, MEMORY_MAX))
