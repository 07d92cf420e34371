"""The same alert again: whoever recorded a message and sends it later buys nothing with it. The whole daemon, up to IB."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from tests.faketime import kept_in, set_ahead
from tests.system.checker import check
from tests.system.harness import Daemon, Gateway, running
from tradebot.domain.alerts import AlertStatus


@pytest.mark.parametrize("identity", [{"alert_id": "a-1"}, {"time": "2026-11-20T17:00:00Z"}], ids=["alert_id", "time"])
async def test_a_replay_makes_no_second_order(tmp_path: Path, identity: Mapping[str, str]) -> None:
    """An alert that was recorded and sent again, now, in an hour or after a restart, would buy a second time."""
    gateway = Gateway.at(tmp_path / "gateway")
    daemon = Daemon.at(tmp_path, gateway=gateway, trading__repeat_window_s="0")  # which would stop it too
    clock = tmp_path / "clock"
    daemon.env |= kept_in(clock)
    async with running(daemon, gateway):
        await gateway.ready()
        await daemon.ready()
        alert_id = await daemon.alert("BUY", "AAPL", **identity)
        await daemon.ended(alert_id)
        others = ["KO", "MSFT", "NVDA"]  # each once: of one that has just filled the bot still waits for IB's position
        for replays, ahead_s in enumerate(("1", "3600", "restart"), start=1):
            if ahead_s == "restart":
                assert await daemon.stop() == 0, daemon.output
                await daemon.ready()
            else:
                await set_ahead(clock, timedelta(seconds=int(ahead_s)))
            again = await daemon.resent(action="BUY", ticker="AAPL", **identity)
            assert again == (200, {"status": "duplicate", "alert_id": alert_id}), f"replayed after {ahead_s}"
            later = await daemon.alert("BUY", others[replays - 1], alert_id=f"after replay {replays}")
            books = await daemon.ended(later)  # a second order would have gone before this one
            assert books.alerts[alert_id].duplicates >= replays  # one that was refused with 503 may count too
            assert [order["symbol"] for order in await gateway.received()] == ["AAPL", *others[:replays]], (
                daemon.output[-2000:]
            )
        assert len(books.alerts) == 4
        assert {alert.status for alert in books.alerts.values()} == {AlertStatus.EXECUTED}
        await check(books, gateway, acknowledged=list(books.alerts))
