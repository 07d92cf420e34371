"""Places the orders: `python -m tests.bench.peer.orders PORT`, the port of the gateway."""

import asyncio
import json
import sys

from ib_async import IB, MarketOrder, Stock
from sqlalchemy import update

from tests.bench.peer.models import QUEUE, Alert, Session, redis

POLL_S = 0.1


async def main(gateway_port: int) -> None:
    ib = IB()
    await ib.connectAsync("127.0.0.1", gateway_port, clientId=1)
    print("ready", flush=True)  # noqa: T201
    while True:
        queued = await redis.lpop(QUEUE)
        if queued is None:
            await asyncio.sleep(POLL_S)
            continue
        assert isinstance(queued, str)
        alert = json.loads(queued)
        contract = Stock(alert["ticker"], "SMART", "USD")
        await ib.qualifyContractsAsync(contract)
        ib.placeOrder(contract, MarketOrder(alert["action"], 1, orderRef=f"tb-{alert['id']}-peer"))
        async with Session() as books:
            await books.execute(update(Alert).where(Alert.id == alert["id"]).values(status="placed"))
            await books.commit()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
