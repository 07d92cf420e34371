"""An independent TWS client beside the bot: the official ibapi, in a process of its own, asked what orders there are."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

LIBRARY = Path(sys.prefix) / "clients" / "ibapi-10"
SCRIPT = Path(__file__).parent / "adapters" / "simgateway" / "clients" / "official_look.py"
CLIENT_ID = 77


@dataclass(frozen=True)
class Seen:
    """One open order, as ibapi gives it: prices are floats, 0 where there is none."""

    order_id: int
    perm_id: int
    client_id: int
    account: str
    order_ref: str
    parent_id: int
    oca_group: str
    oca_type: int
    symbol: str
    action: str
    quantity: float
    type: str
    limit: float | None
    aux: float | None
    trail_stop: float | None
    trail_pct: float | None
    tif: str
    good_till: str
    outside_rth: bool
    status: str
    filled: float
    remaining: float

    @property
    def ends_at(self) -> datetime | None:
        return datetime.strptime(self.good_till, "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC) if self.good_till else None


class TwsClient:
    """Asked as often as wanted; each time it connects anew."""

    def __init__(self, ask: IO[str], answer: IO[str]) -> None:
        self._ask = ask
        self._answer = answer

    async def open_orders(self, port: int) -> list[Seen]:
        """Everybody's, in the order of their ids."""
        return await asyncio.to_thread(self._look, port)

    def _look(self, port: int) -> list[Seen]:
        self._ask.write(f"{port}\n")
        self._ask.flush()
        line = self._answer.readline()
        assert line, "the client has ended; its error output stands above"
        return [Seen(**one) for one in json.loads(line)]


@contextmanager
def open_tws_client() -> Iterator[TwsClient]:
    assert LIBRARY.is_dir(), f"{LIBRARY} is missing: `make install` puts the clients there"
    command = [sys.executable, str(SCRIPT), str(CLIENT_ID)]
    process = subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": str(LIBRARY)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        yield TwsClient(process.stdin, process.stdout)
        process.stdin.close()
