"""What draws a picture is a process of its own: matplotlib weighs more than the bot, and trading must not wait for it.

Rules: it is given no secret; whatever goes wrong is logged, and who asked goes on without a picture.
"""

import asyncio
import os
import sys
from pathlib import Path

from loguru import logger

DEADLINE_S = 30.0
_PASSED_ON = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "XDG_CACHE_HOME", "MPLCONFIGDIR")  # no secret among them


async def drawn_by(script: Path, request: bytes, what: str) -> bytes | None:
    """What the script answers to this request; None, and `what` was not drawn logged, where it does not."""
    env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", str(script)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
    )
    try:
        async with asyncio.timeout(DEADLINE_S):
            answer, errors = await process.communicate(request)
    except TimeoutError:
        logger.warning("{} was not drawn within {:.0f} s", what, DEADLINE_S)
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        logger.warning("{} was not drawn: {}", what, errors.decode(errors="replace").strip()[-300:])
        return None
    return answer
