"""`tradebot pause`, `resume` and `kill`, with the daemon and without it."""

from pathlib import Path

from tests.cli.shell import Ran, tradebot
from tests.system.harness import Daemon, running
from tradebot.domain.events import EventKind


async def test_with_the_daemon(tmp_path: Path) -> None:
    """Broken, the owner is told that a state is in force which the daemon has never heard of, or a pause lifts a kill."""
    daemon = Daemon.at(tmp_path)

    async def type_in(*arguments: str) -> Ran:
        return await tradebot(tmp_path, *arguments, env=daemon.env)

    async with running(daemon):
        await daemon.ready()
        paused = await type_in("pause")
        assert (paused.code, paused.out.splitlines()) == (
            0,
            ["Stored. PAUSED: BUY alerts are blocked, SELL alerts are executed.", "The daemon confirms."],
        ), paused.all
        killed = await type_in("kill")
        assert (killed.code, "The daemon confirms." in killed.out) == (0, True), killed.all
        again = await type_in("pause")
        assert "It is KILLED, which is stricter than a pause: no order leaves." in again.out
        assert "Stored" not in again.out, again.all
        asked = await type_in("resume")
        assert (asked.code, "Say what to resume" in asked.err) == (2, True), asked.all
        sells = await type_in("resume", "--sells-only")
        assert (sells.code, "Stored. PAUSED" in sells.out) == (0, True), sells.all
        resumed = await type_in("resume")
        assert (resumed.code, "Stored. RUNNING" in resumed.out) == (0, True), resumed.all
        one = await type_in("pause", "--strategy", "main")
        assert (one.code, one.out.splitlines()) == (
            0,
            [
                "Stored. Strategy main is paused: its BUY alerts are blocked, its SELL alerts are executed. Resume with "
                "`tradebot resume --strategy main`.",
                "The daemon confirms.",
            ],
        ), one.all
        whole = await type_in("resume")
        assert "Strategy main stays paused, as it was paused by name: `tradebot resume --strategy main`." in whole.out
        both = await type_in("resume", "--strategy", "main")
        assert (both.code, "Stored. Strategy main resumed" in both.out) == (0, True), both.all
        changes = [event for event in (await daemon.books()).events if event.kind is EventKind.STATE_CHANGED]
        assert [(getattr(event.facts, "to", None), event.actor) for event in changes] == [
            (state, "command line") for state in ("PAUSED", "KILLED", "PAUSED", "RUNNING", "PAUSED", "RUNNING")
        ]


async def test_without_the_daemon(tmp_path: Path) -> None:
    """Broken, a bot that was killed while it was down trades when it starts."""
    daemon = Daemon.at(tmp_path)
    async with running(daemon):
        assert (await tradebot(tmp_path, "migrate", "up", env=daemon.env)).code == 0
        killed = await tradebot(tmp_path, "kill", env=daemon.env)
        assert (killed.code, "Stored: KILLED." in killed.out) == (0, True), killed.all
        assert "nothing is traded" not in killed.out
        assert f"No daemon answers at http://127.0.0.1:{daemon.port}/health" in killed.out
        await daemon.ready()
        blocked = await tradebot(tmp_path, "alert", "BUY", "AAPL", env=daemon.env)
        assert (blocked.code, "BLOCKED: " in blocked.out, "kill" in blocked.out) == (1, True, True), blocked.all
