"""docs/orders.md as a program reads it: strategies, the alerts sent to them, and the orders that are said to come of each."""

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tradebot.config.strategies import StrategySection
from tradebot.domain.strategies import Strategy

PAGE = Path(__file__).parents[2] / "docs" / "orders.md"
BID, ASK = Decimal("187.31"), Decimal("187.32")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n\n?((?:^- refused: [^\n]+\n)?)", re.MULTILINE | re.DOTALL)
_MESSAGES = ("json", "text")
OUTCOME = "ib"
REFUSED = "- refused: "
NOTHING = "nothing"
_LIFE = "## The life of a bracket"


@dataclass(frozen=True, slots=True)
class Example:
    """Alerts to one strategy, one after the other, and what the page says of them."""

    line: int
    strategy: Strategy
    messages: Sequence[str]
    refused: str | None  # words of why
    orders: Sequence[str]

    def __str__(self) -> str:
        return f"{self.strategy.name}, line {self.line}"


def examples(text: str) -> Iterator[Example]:
    strategy = None
    blocks = [block for block in _BLOCK.finditer(text) if block[1] in ("toml", OUTCOME, *_MESSAGES)]
    for block, after in zip(blocks, [*blocks[1:], None], strict=True):
        kind, content, refused = block.groups()
        if kind == "toml":
            [(name, keys)] = tomllib.loads(content, parse_float=Decimal)["strategies"].items()
            strategy = StrategySection(**keys).strategy(name)
        elif kind in _MESSAGES:
            assert strategy is not None, "a strategy stands before its alerts"
            assert refused or (after is not None and after[1] == OUTCOME), f"{content} says what becomes of it"
            messages = list(_objects(content)) if kind == "json" else [content.rstrip("\n")]
            orders = [] if refused or after is None else after[2].splitlines()
            line = text.count("\n", 0, block.start()) + 1
            why = refused.strip().removeprefix(REFUSED) if refused else None
            yield Example(line, strategy, messages, why, [] if orders == [NOTHING] else orders)


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a bracket's life."""

    what: str
    orders: Sequence[str]  # the entry, the stop, the target
    told: str


def life(text: str) -> list[Moment]:
    """The table under the picture, in its order."""
    section = text.partition(f"{_LIFE}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [Moment(what, orders, told.strip("`")) for what, *orders, told in rows[1:]]


def _objects(text: str) -> Iterator[str]:
    """Each JSON object as it is written."""
    at, decoder = 0, json.JSONDecoder()
    while at < len(text):
        _, end = decoder.raw_decode(text, at)
        yield text[at:end]
        at = end + 1
