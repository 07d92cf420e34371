"""`tradebot doctor` before anything is examined, and what a person reads."""

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.cli.conftest import Type
from tradebot.cli import doctor
from tradebot.runtime.doctor import Line, Report, Section, Status

SECRET = "canary-webhook-secret-0123456789"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[webhook]\nport = 99999\n", "allowed are whole numbers"),
        (f'[webhook]\nsecrt = "{SECRET}"\n', "did you mean webhook.secret?"),
        (None, "there is no such file"),
    ],
)
def test_a_wrong_configuration(typed: Type, tmp_path: Path, text: str | None, words: str) -> None:
    """Broken, the first thing to go wrong ends the doctor without a line in the form that its caller reads."""
    file = tmp_path / "config.toml"
    if text is not None:
        file.write_text(text)
    ran = typed("doctor", "--json", "--config", str(file))
    report = json.loads(ran.out)
    assert (ran.code, report["exit_code"], report["ok"]) == (2, 2, False)
    [check] = report["checks"]
    assert (check["check"], check["status"], words in check["found"]) == ("configuration", "failure", True)
    assert SECRET not in ran.all

    shown = typed("doctor", "--config", str(file))
    assert (shown.code, words in shown.words, "1 failure" in shown.words) == (2, True, True)


REPORT = Report(
    "0.2.0",
    datetime(2026, 11, 26, tzinfo=UTC),
    [
        Section.of(
            "Interactive Brokers",
            [
                Line("account", Status.OK, "LIVE account U1234567: REAL MONEY is traded"),
                Line("orders", Status.FAILURE, "IB would not take BUY 2 AAPL: [it] is locked (438)", "unlock it " * 20),
                Line("lists", Status.NOT_CHECKED, "what failed above comes first"),
            ],
        )
    ],
)


@pytest.mark.parametrize("width", [40, 80, 120, 300])
def test_it_fits_the_terminal(width: int) -> None:
    """Broken, lines run over the terminal's edge, or words in brackets are taken for colours and are missing."""
    out = StringIO()
    doctor.show(REPORT, Console(file=out, width=width, highlight=False))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= min(width, 120)
    words = " ".join(text.split())
    assert "FAILURE" in words
    assert "[it]" in words
    assert text.count("unlock it") + text.count("unlock\n") >= 10
    assert "1 failure (orders), 1 ok, 1 not checked" in words
