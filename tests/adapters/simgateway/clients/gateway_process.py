"""A gateway as a process of its own. Prints its port, then serves until it is killed.

Usage: gateway_process.py STATE
"""

# ruff: noqa: T201

import asyncio
import sys
from pathlib import Path

from tradebot.simgateway import GatewaySettings, open_gateway


async def main() -> None:
    settings = GatewaySettings(port=0, state=Path(sys.argv[1]), moving=False, fill_latency_s=0.0)
    async with open_gateway(settings) as gateway:
        print(gateway.port, flush=True)
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
