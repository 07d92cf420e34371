"""Pictures come from a process of their own, and nothing depends on them."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tradebot.telegram import pictures

NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)


async def test_one_lot_is_enough_to_draw() -> None:
    """The first closed lot of a day would bring no picture, or an error."""
    png = await pictures.draw("Realised <b>& $P&L$", [(NOON, Decimal("-3.25"))])
    assert png is not None
    width, height = int.from_bytes(png[16:20]), int.from_bytes(png[20:24])
    assert (width, height) == (960, 576)


async def test_a_picture_that_cannot_be_drawn_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing font would take the words of /pnl with it."""
    monkeypatch.setattr(pictures, "_SCRIPT", Path("/no/such/script.py"))
    assert await pictures.draw("title", [(NOON, Decimal(1))]) is None


async def test_no_secret_goes_into_the_other_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The token would stand in the environment of one process more."""
    monkeypatch.setenv("TRADEBOT_TELEGRAM__BOT_TOKEN", "canary-token")
    spy = tmp_path / "spy.py"
    spy.write_text(
        "import os, sys; sys.stdout.write(chr(0x89)); open(sys.argv[0] + '.env', 'w').write(str(os.environ))"
    )
    monkeypatch.setattr(pictures, "_SCRIPT", spy)
    assert await pictures.draw("title", [(NOON, Decimal(1))]) is None
    assert "canary-token" not in (tmp_path / "spy.py.env").read_text()
