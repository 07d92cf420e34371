"""What a database holds, as far as a person who makes or restores a backup must know it, wherever its rows are read.

Rules: it is read out of the backup itself, never remembered beside it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from tradebot.database import values
from tradebot.domain.alerts import WAITING
from tradebot.domain.lots import LotStatus
from tradebot.domain.settings import TradingState, state_in
from tradebot.domain.trades import UNRESOLVED
from tradebot.errors import BackupError

COLUMNS: Mapping[str, Sequence[str]] = {
    "schema_migration": ("name", "checksum", "applied_at"),
    "alert_log": ("id", "received_at", "status", "idempotency_key"),
    "trade": ("created_at", "alert_id", "order_ref", "filled_qty", "status"),
    "execution": ("time",),
    "position": ("ticker", "qty", "status", "entry_time", "exit_time"),
    "bot_settings": ("key", "value"),
}
"""What is read of which table."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows of one kind: how many there are, and the time of the newest."""

    count: int = 0
    newest: datetime | None = None

    def since(self, older: "Kept") -> "Kept":
        """Those that the older one does not have."""
        return Kept(max(self.count - older.count, 0), self.newest)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An alert that may still become an order. An exit whose order was ended with shares left waits once more."""

    key: str
    done: frozenset[tuple[str, Decimal]]  # its orders that filled or may fill, and what they filled


@dataclass(frozen=True, slots=True)
class Contents:
    """A database at one moment, in figures."""

    migrations: Sequence[Mapping[str, Any]]  # rows of schema_migration, oldest first
    alerts: Kept
    trades: Kept
    executions: Kept
    waiting: Mapping[int, "Waiting"]  # alerts that may still become orders
    held: Mapping[str, Decimal]  # open shares by ticker
    lots: Sequence[tuple[datetime, datetime | None]]  # when each was opened, and closed
    settings: Mapping[str, str] = field(repr=False)

    @property
    def step(self) -> str:
        """The newest migration's number: "0005"."""
        return str(self.migrations[-1]["name"]).partition("_")[0]

    @property
    def account(self) -> str | None:
        return self.settings.get("account")

    @property
    def epoch(self) -> int:
        return int(self.settings.get("epoch", "0"))

    @property
    def state(self) -> TradingState:
        return state_in(self.settings)

    def lots_since(self, at: datetime | None) -> Kept:
        """Lots that were opened or closed after this moment."""
        times = [time for lot in self.lots for time in lot if time is not None]
        newer = [time for time in times if at is None or time > at]
        return Kept(len(newer), max(newer, default=None))


class Counting:
    """Takes rows one after the other, of any table and in any order, with the columns named in `COLUMNS`."""

    def __init__(self) -> None:
        self._migrations: list[Mapping[str, Any]] = []
        self._times: dict[str, list[datetime]] = defaultdict(list)
        self._waiting: dict[int, str] = {}
        self._orders: dict[int, set[tuple[str, Decimal]]] = defaultdict(set)
        self._held: dict[str, Decimal] = defaultdict(Decimal)
        self._lots: list[tuple[datetime, datetime | None]] = []
        self._settings: dict[str, str] = {}

    def take(self, table: str, row: Mapping[str, Any]) -> None:
        match table:
            case "schema_migration":
                self._migrations.append(row)
            case "alert_log":
                self._times[table].append(values.time(row["received_at"]))
                if row["status"] in WAITING:
                    self._waiting[int(row["id"])] = str(row["idempotency_key"])
            case "trade":
                self._times[table].append(values.time(row["created_at"]))
                filled = Decimal(row["filled_qty"])
                if filled or row["status"] in UNRESOLVED:
                    self._orders[int(row["alert_id"])].add((str(row["order_ref"]), filled))
            case "execution":
                self._times[table].append(values.time(row["time"]))
            case "position":
                closed = row["exit_time"]
                self._lots.append((values.time(row["entry_time"]), None if closed is None else values.time(closed)))
                if row["status"] == LotStatus.OPEN:
                    self._held[str(row["ticker"])] += Decimal(row["qty"])
            case "bot_settings":
                self._settings[str(row["key"])] = str(row["value"])

    def done(self, place: str) -> Contents:
        """Raises BackupError when there are no tables of the bot at all."""
        if not self._migrations:
            raise BackupError(f"{place}: there are no tables of tradebot in it: is it the right file?")
        return Contents(
            migrations=sorted(self._migrations, key=lambda row: str(row["name"])),
            alerts=_kept(self._times["alert_log"]),
            trades=_kept(self._times["trade"]),
            executions=_kept(self._times["execution"]),
            waiting={number: Waiting(key, frozenset(self._orders[number])) for number, key in self._waiting.items()},
            held=dict(self._held),
            lots=self._lots,
            settings=self._settings,
        )


def _kept(times: Iterable[datetime]) -> Kept:
    times = list(times)
    return Kept(len(times), max(times, default=None))
