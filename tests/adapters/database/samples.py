"""Alerts, trades, lots and executions to store, each with something to tell it from the others."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from tradebot.domain.alerts import NewAlert, Side
from tradebot.domain.brokerage import Execution
from tradebot.domain.lots import CorporateAction, Lot, LotStatus
from tradebot.domain.trades import NewTrade
from tradebot.ports import Books

NOON = datetime(2026, 7, 1, 12, 0, 0, 123456, tzinfo=UTC)
_numbers = count(1)


def an_alert(**changes: Any) -> NewAlert:
    number = next(_numbers)
    alert = NewAlert(
        received_at=NOON,
        ticker="AAPL",
        action=Side.BUY,
        price=Decimal("187.32"),
        alert_time=NOON - timedelta(seconds=2),
        primary_exchange="NASDAQ",
        idempotency_key=f"key {number}",
        payload_hash=f"hash {number}",
        raw_body=b'{"ticker": "AAPL"}',
        source_ip="52.89.214.238",
    )
    return replace(alert, **changes)


async def a_trade(books: Books, **changes: Any) -> int:
    """Stores a trade with an alert of its own, and returns its id."""
    whose = {name: changes[name] for name in ("strategy", "ticker") if name in changes}
    alert_id = await books.insert_alert(an_alert(**whose))
    assert alert_id is not None
    fields: dict[str, Any] = {
        "alert_id": alert_id,
        "ticker": "AAPL",
        "con_id": 265598,
        "side": Side.BUY,
        "requested_qty": Decimal(10),
        "order_ref": f"tb-{alert_id}-0badcafe",
        "ib_position_before": Decimal(3),
        "reserved": Decimal("1893.23"),
        "decision": {"checks": [{"name": "cash", "code": None, "facts": {}}]},
        "created_at": NOON,
    }
    return await books.insert_trade(NewTrade(**(fields | changes)))


def an_execution(exec_id: str = "0000e0d5.57a1b2c3.01.01", **changes: Any) -> Execution:
    execution = Execution(
        exec_id=exec_id,
        order_ref="",
        order_id=7,
        perm_id=1850973501,
        con_id=265598,
        ticker="AAPL",
        side=Side.BUY,
        shares=Decimal(10),
        price=Decimal("187.3215"),
        time=NOON,
    )
    return replace(execution, **changes)


def a_lot(opening: int, closing: int | None = None, **changes: Any) -> Lot:
    closed = closing is not None
    lot = Lot(
        ticker="AAPL",
        con_id=265598,
        qty=Decimal(10),
        entry_price=Decimal("187.3215"),
        entry_time=NOON,
        status=LotStatus.CLOSED if closed else LotStatus.OPEN,
        exit_price=Decimal("190.00000001") if closed else None,
        exit_time=NOON + timedelta(hours=1) if closed else None,
        pnl=Decimal("24.78500010") if closed else None,
        commission=Decimal("1.00"),
        opening_trade_id=opening,
        closing_trade_id=closing,
    )
    return replace(lot, **changes)


def an_action(after_trade_id: int, **changes: Any) -> CorporateAction:
    """TSLA, 3 for 2, with half a share left over."""
    action = CorporateAction(
        at=NOON,
        ticker="TSLA",
        con_id=76792991,
        new_con_id=76792991,
        new_shares=3,
        old_shares=2,
        qty_before=Decimal(5),
        qty_after=Decimal(7),
        after_trade_id=after_trade_id,
        actor="Ann (Telegram 1)",
    )
    return replace(action, **changes)


def without_ids(lots: Sequence[Lot]) -> list[Lot]:
    return [replace(lot, id=0) for lot in lots]


def take_away(sqlite_url: str, folder: Path, how: str) -> None:
    """The database's file, under whoever has it open: "deleted", or "replaced" by a copy of itself."""
    path, copy = Path(sqlite_url.removeprefix("sqlite:///")), folder / "copy.db"
    if how == "replaced":
        shutil.copyfile(path, copy)
        copy.replace(path)
    else:
        path.unlink()
