"""An alert looked up in the output and the log file of a daemon, as a person does it."""

import json
import re
import subprocess
from pathlib import Path

from tests.system.harness import Daemon, running

STEPS = (
    r"alert 1 from 127\.0\.0\.1: queued \(\d+ ms\)",
    r"quote AAPL bid [\d.]+ ask [\d.]+ last [\d.]+ live",
    r"decided: BUY 2 AAPL, order tb-1-\w{8} is stored",
    r"order tb-1-\w{8} sent: BUY 2 AAPL MKT DAY",
    r"execution \S+: BUY 2 AAPL at [\d.]+, commission .+",
    r"Bought 2 AAPL at .+",
)
TAKEN = r"order tb-1-\w{8}: SUBMITTING → SUBMITTED"  # not where a busy machine hears of it together with the fill
KEYS = re.compile(r" \[alert=1 ticker=AAPL(?: order=tb-1-\w{8})?\]$")


async def test_an_alert_is_found_by_a_word_search_and_no_other_one_with_it(tmp_path: Path) -> None:
    """Of a night with many alerts nobody could tell what became of one; or a step would be told twice, or be missing."""
    daemon = Daemon.at(tmp_path)
    async with running(daemon):
        await daemon.ready()
        alert_ids = [await daemon.alert("BUY", "AAPL", alert_id="first")]
        alert_ids += [await daemon.alert("SELL", "MSFT", alert_id=f"other {number}") for number in range(9)]
        await daemon.ended(*alert_ids)
        assert await daemon.stop() == 0, daemon.output
    assert alert_ids == list(range(1, 11))
    found = _grep("alert=1", daemon)
    assert [line for line in found if not KEYS.search(line)] == []
    told = [_message(line) for line in found]
    steps = [[number for number, step in enumerate((*STEPS, TAKEN)) if re.fullmatch(step, line)] for line in told]
    assert sorted(steps) in ([[0], [1], [2], [3], [4], [5]], [[0], [1], [2], [3], [4], [5], [6]]), told
    refused = [_message(line) for line in _grep("alert=10", daemon)]
    assert sorted(line.split(" ")[0] for line in refused) == ["SELL", "alert"], refused
    speaks_of_it = [line for line in daemon.output.splitlines() if re.search(r"\balert 1\b|\btb-1-", line)]
    assert set(speaks_of_it) <= set(found), "a line about the alert without its keys"
    entries = [json.loads(line) for line in (tmp_path / "data/logs/tradebot.jsonl").read_text("utf-8").splitlines()]
    assert [entry["message"] for entry in entries if entry.get("alert_id") == 1] == told
    assert {entry["ticker"] for entry in entries if entry.get("alert_id") == 1} == {"AAPL"}

    code, out = await daemon.command("trace", "1", "--json")
    assert code == 0, out
    steps = [step["kind"] for step in json.loads(out)["steps"] if step["kind"] != "at_ib"]
    assert steps == ["received", "answered", "quote", "decided", "sent", "filled"], out


async def test_nothing_is_told_twice_from_start_to_stop(tmp_path: Path) -> None:
    """A new user would wonder which of two lines is the true one, or take the simulation for IB."""
    daemon = Daemon.at(tmp_path)
    async with running(daemon):
        await daemon.ready()
        assert await daemon.stop() == 0, daemon.output
    lines = [_message(line) for line in daemon.output.splitlines() if line[:2] == "20"]
    for what in ("Connected", "started on", " stopped", "listens", "reconciled"):
        assert len([line for line in lines if what in line]) <= 1, (what, lines)
    assert [line for line in lines if re.search(r"\bIB\b", line)] == []


def _grep(word: str, daemon: Daemon) -> list[str]:
    file = daemon.folder / f"{daemon.name}.out"
    ran = subprocess.run(["grep", "-w", word, file], capture_output=True, text=True, check=True)
    return ran.stdout.splitlines()


def _message(line: str) -> str:
    """The line without its time, level and keys."""
    return re.sub(r" \[alert=.*\]$", "", line[len("2026-11-26 02:35:41.204Z INFO     ") :])
