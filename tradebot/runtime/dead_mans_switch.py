"""Pings the owner's dead-man's switch: a URL that raises an alarm elsewhere when the pings stop.

Rules: the URL is a secret and stands in no message; a ping that fails is logged and nothing waits for it.
"""

import aiohttp
from loguru import logger

TIMEOUT_S = 5.0


async def ping(url: str) -> None:
    """One GET; never raises for what the other side does."""
    try:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            if answer.status >= 400:
                logger.warning("heartbeat: schedule.heartbeat_url answers {}. Is the address right?", answer.status)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        logger.warning("heartbeat: schedule.heartbeat_url does not answer ({})", type(error).__name__)
