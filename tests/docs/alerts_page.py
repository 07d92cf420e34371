"""docs/alerts.md as a program reads it: its examples, and what it says becomes of each."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from tradebot.domain.calendar import Calendar
from tradebot.domain.hours import Hours
from tradebot.domain.limits import FixedLimits, Limits
from tradebot.domain.payload.lint import lint
from tradebot.domain.payload.samples import Filled, Occasion, fill
from tradebot.domain.strategies import ExitSize, ExitSource, OrderSource, Sizing, Strategies, Strategy
from tradebot.trading.rehearsal import Setup, by_the_books
from tradebot.words.alert_report import headline

PAGE = Path(__file__).parents[2] / "docs" / "alerts.md"
STRATEGIES: Mapping[str, Strategy] = {
    "by default": Strategy(name="main"),
    "sized by the alert": Strategy(name="main", sizing=Sizing.ALERT, exit_size=ExitSize.ALERT),
    "all by the alert": Strategy(
        name="main",
        sizing=Sizing.ALERT,
        exit_size=ExitSize.ALERT,
        orders=OrderSource.ALERT,
        exits=ExitSource.ALERT,
    ),
}
"""The last is left out where it is the second."""
ALWAYS = "always"
_BLOCK = re.compile(r"^```(json|text|sh)\n(.*?)^```\n\n?((?:^- [^\n]+\n)*)", re.MULTILINE | re.DOTALL)
_SETUP = Setup(Limits(), FixedLimits(), Hours(Calendar(frozenset()), always=True), fractional=False)
_PRICE = Decimal("187.32")
_NOW = datetime(2026, 11, 20, 15, 4, 6, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Example:
    """One message, and what the page says of it, by strategy."""

    line: int
    section: str
    message: str
    said: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.section}, line {self.line}"


def examples(text: str) -> Iterator[Example]:
    for block in _BLOCK.finditer(text):
        kind, message, said = block.groups()
        if kind == "sh":
            continue
        line = text.count("\n", 0, block.start()) + 1
        section = re.findall("^## (.+)$", text[: block.start()], re.MULTILINE)[-1]
        outcomes = dict(one.removeprefix("- ").split(": ", 1) for one in said.splitlines())
        yield Example(line, section, message.rstrip("\n"), outcomes)


async def becomes(message: str, strategy: Strategy) -> Sequence[tuple[Occasion, str, str]]:
    """For each occasion what would be done, or "refused" with why."""
    return [(filled.occasion, *await _becomes(filled, strategy)) for filled in fill(message)]


async def _becomes(filled: Filled, strategy: Strategy) -> tuple[str, str]:
    linted = lint(filled, Strategies({"main": strategy}), None, lambda _: ())
    if linted.instruction is None:
        return "refused", " ".join(linted.refused)
    report = await by_the_books(None, linted.instruction, strategy, _SETUP, _NOW, price=_PRICE)
    if report.not_honoured is not None:
        return "refused", report.not_honoured
    return headline(report), ""
