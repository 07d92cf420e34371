"""The daemon under a profiler that runs only while an alert is on its way, from its request's first bytes to its order's frame:
`python -m tests.bench.profiled FILE WARM run`. The first WARM alerts are not counted; FILE is written at the end.

It stands where the two libraries take an alert in and write an order out, so it knows nothing of what lies between.
"""

import cProfile
import sys
from itertools import count
from typing import Any

from aiohttp.web_protocol import RequestHandler
from ib_async.client import Client

from tradebot.cli import main as tradebot


def main(file: str, warm: int, arguments: list[str]) -> None:
    profile, numbers, on_the_way = cProfile.Profile(), count(1), set[int]()
    came, went = RequestHandler.data_received, Client.placeOrder

    def data_received(self: RequestHandler, data: bytes) -> None:
        if data.startswith(b"POST") and not on_the_way and (number := next(numbers)) > warm:
            on_the_way.add(number)
            profile.enable()
        came(self, data)

    def place_order(self: Client, *given: Any) -> None:
        went(self, *given)  # type: ignore[no-untyped-call]
        if on_the_way:
            profile.disable()
            on_the_way.clear()

    RequestHandler.data_received = data_received  # type: ignore[method-assign]
    Client.placeOrder = place_order  # type: ignore[method-assign]
    sys.argv = ["tradebot", *arguments]
    try:
        tradebot()
    finally:
        profile.dump_stats(file)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
