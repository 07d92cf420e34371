"""A second process that takes the lock, says so, and keeps it until its input ends: `python -m … URL [wait]`."""

import asyncio
import sys

from tradebot.database import open_instance_lock
from tradebot.errors import LockHeld


async def main(url: str, wait: bool) -> None:
    try:
        async with open_instance_lock(url, wait=wait) as lock:
            print("held", lock.epoch, flush=True)  # noqa: T201
            await asyncio.to_thread(sys.stdin.read)
    except LockHeld as error:
        print("refused", error, flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], "wait" in sys.argv[2:]))
