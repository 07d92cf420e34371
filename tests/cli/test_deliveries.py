"""What became of the messages, and whether a channel takes one."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.backup.conftest import books
from tests.cli.conftest import Type
from tests.facts import bought
from tests.receivers import Answer, receiver, says
from tradebot.domain.events import NewEvent

TEAM = '[channels.team]\ntype = "slack"\nurl = "{}/services/abcdefghijklmnopqrstuvwx"\n'


async def some(folder: Path) -> None:
    now = datetime.now(UTC)
    async with books(f"sqlite:///{folder}/data/tradebot.db") as made:
        await made.serve_channels(["log", "team"])
        ids = [await made.add_event(NewEvent(bought(ticker), now)) for ticker in ("AAPL", "MSFT", "KO")]
        await made.mark_delivered("log", ids, now)
        await made.delivery_failed("team", ids[1:2], "HTTP 500")
        await made.give_up_delivery("team", ids[:1], "HTTP 410")


def test_the_newest_deliveries_are_listed(typed: Type, tmp_path: Path) -> None:
    """The owner could not find out why a message did not come."""
    asyncio.run(some(tmp_path))
    out = typed("deliveries").out
    lines = [line.split() for line in out.splitlines() if " team " in line]
    assert lines[0][lines[0].index("team") + 1 :][:5] == ["given", "up", "1", "HTTP", "410"]
    assert lines[1][lines[1].index("team") + 1 :][:4] == ["waiting", "1", "HTTP", "500"]
    assert "Bought 10 AAPL" in out
    waiting = typed("deliveries", "--channel", "team", "--state", "waiting").out
    assert "KO" in waiting
    assert "AAPL" not in waiting
    document = json.loads(typed("deliveries", "--json", "-n", "1", "--channel", "log").out)
    [one] = document["deliveries"]
    assert (one["state"], one["kind"]) == ("DELIVERED", "buy_filled")
    assert "KO" in one["text"]
    assert typed("deliveries", "--channel", "nobody").out == "There is no such delivery.\n"
    assert typed("deliveries", "--state", "lost").code == 2


@pytest.mark.parametrize(
    ("answer", "code", "said"), [(says(200, "ok"), 0, "team: taken"), (says(404, "no_service"), 1, "HTTP 404")]
)
def test_a_channel_is_tried(typed: Type, tmp_path: Path, answer: Answer, code: int, said: str) -> None:
    """The owner would learn in the night that his channel never worked."""

    async def with_receiver() -> None:
        async with receiver(usual=answer) as there:
            (tmp_path / "config.toml").write_text(TEAM.format(there.url))
            ran = await asyncio.to_thread(typed, "channels", "test", "team")
        assert (ran.code, said in ran.out) == (code, True)
        assert "services" not in ran.out + ran.err
        assert "channel team works" in json.loads(there.got[0].body)["text"]

    asyncio.run(with_receiver())


def test_a_channel_that_is_not_there_is_named(typed: Type, tmp_path: Path) -> None:
    """A slip in the name would look like a test that went well."""
    (tmp_path / "config.toml").write_text(TEAM.format("http://127.0.0.1:1"))
    ran = typed("channels", "test", "teem")
    assert ran.code == 2
    assert "the configuration names: team" in ran.err
