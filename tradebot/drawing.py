"""What draws a picture is a process of its own: matplotlib weighs more than the bot, and trading must not wait for it.

Rules: whatever goes wrong is logged, and who asked goes on without a picture.
"""

from collections.abc import AsyncIterator
from pathlib import Path

from loguru import logger

from tradebot.apart import NoAnswer, answer_of

DEADLINE_S = 30.0


async def drawn_by(script: Path, request: bytes, what: str) -> bytes | None:
    """What the script answers to this request; None, and `what` was not drawn logged, where it does not."""

    async def asked() -> AsyncIterator[bytes]:
        yield request

    try:
        return await answer_of([str(script)], asked(), DEADLINE_S)
    except NoAnswer as error:
        logger.warning("{} was not drawn: what draws it {}", what, str(error)[-300:])
        return None
