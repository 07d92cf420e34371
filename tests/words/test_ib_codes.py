"""What to do about IB's codes: with the codes and words that mean it, and as the documents have it."""

import re
from pathlib import Path

import pytest

from tradebot.words import ib_codes

TROUBLE = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("said", "begins"),
    [
        ("IB 383: The size exceeds the Size Limit", "It is a limit of TWS or IB Gateway itself"),
        ("IB 19999: Restriction is specified in Precautionary Settings", "It is a limit of TWS or IB Gateway itself"),
        ("IB 321: Error validating request: The API interface is in Read-Only mode.", "Untick Read-Only API"),
        ("IB 201: Order rejected - reason:\nmargin", None),
        ("IB 321: Error validating request", None),
        ("cancelled unfilled", None),
        ("", None),
    ],
)
def test_advice_goes_by_code_or_words(said: str, begins: str | None) -> None:
    """The owner would have to look a code up, or be sent to a setting that has nothing to do with it."""
    told = ib_codes.advice(said)
    assert told is None if begins is None else str(told).startswith(begins)


def test_the_documents_have_every_code_and_no_other() -> None:
    """The owner would look for a code in vain, or find advice that no message gives."""
    section = TROUBLE.partition("## What IB refuses\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([0-9, ]+) \|", section, re.MULTILINE)
    listed = [int(code) for row in rows for code in row.split(",")]
    assert len(listed) == len(set(listed))
    assert set(listed) == set(ib_codes.ADVICE) | {321}


def test_each_want_of_data_has_its_cause() -> None:
    """A competing login and a missing subscription would look the same."""
    assert "another login" in ib_codes.no_data(10197)
    assert all("no market data" in ib_codes.no_data(code) for code in (354, 10089, 10168, 10186))
    assert ib_codes.no_data(9999) == "look at the account's market data in TWS"
