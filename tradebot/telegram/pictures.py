"""Draws in a process of its own: matplotlib weighs more than the bot, and trading must not wait for it.

Rules: the picture is an extra. Whatever goes wrong with it is logged, and the words stand without it.
"""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from loguru import logger

DEADLINE_S = 30.0
_SCRIPT = Path(__file__).with_name("chart.py")
_PASSED_ON = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "XDG_CACHE_HOME", "MPLCONFIGDIR")  # no secret among them
_one_at_a_time = asyncio.Semaphore(1)


async def draw(title: str, curve: Sequence[tuple[datetime, Decimal]]) -> bytes | None:
    """A PNG of P&L added up over time; None when it could not be drawn."""
    points = [[at.timestamp(), float(value)] for at, value in curve]
    request = json.dumps({"title": title, "points": points}).encode()
    env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    async with _one_at_a_time:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", str(_SCRIPT)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=env,
        )
        try:
            async with asyncio.timeout(DEADLINE_S):
                png, errors = await process.communicate(request)
        except TimeoutError:
            logger.warning("the P&L picture was not drawn within {:.0f} s", DEADLINE_S)
            return None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if process.returncode != 0 or not png.startswith(b"\x89PNG"):
        logger.warning("the P&L picture was not drawn: {}", errors.decode(errors="replace").strip()[-300:])
        return None
    return png
