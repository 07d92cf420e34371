"""The settings of a simulated gateway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time, tzinfo
from decimal import Decimal
from pathlib import Path

from tradebot.simgateway.model import Listing
from tradebot.simgateway.switches import Switches


@dataclass(frozen=True)
class GatewaySettings:
    """``port`` 0 takes any free one; ``control_port`` None is off, and so is ``control_socket``, which offers
    the same at a file of this machine; ``state`` None keeps everything in memory only.

    ``seed`` makes the quotes repeatable, ``moving`` False makes them stand still. ``zone`` is the gateway's own time zone,
    which its times refer to (None: the machine's). ``cash``, ``account`` and ``positions`` (ticker, shares, average cost)
    count when the state is new. ``session`` are the exchange's hours in New York (None: it never closes). ``switches`` are
    as at the start. ``clock`` gives the time in UTC; it is there for tests.
    """

    host: str = "127.0.0.1"
    port: int = 4002
    control_port: int | None = None
    control_socket: Path | None = None
    state: Path | None = None
    seed: int | None = None
    cash: Decimal = Decimal(100_000)
    account: str = "DU1234567"
    tickers: tuple[Listing, ...] = ()
    positions: tuple[tuple[str, Decimal, Decimal], ...] = ()
    fill_latency_s: float = 0.05
    moving: bool = True
    session: tuple[time, time] | None = None
    zone: tzinfo | None = None
    clock: Callable[[], datetime] | None = None
    switches: Switches = field(default_factory=Switches)
