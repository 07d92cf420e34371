"""A refusal's facts in the form in which a sentence has them. Pure."""

from collections.abc import Mapping
from decimal import Decimal

from tradebot.domain.refusals import Fact
from tradebot.words import figures


class RefusalFacts:
    """Facts by name, in the form in which a sentence has them. `of` and `name` say whose own limit it is, where it is one."""

    def __init__(self, facts: Mapping[str, Fact]) -> None:
        self.all = facts
        self.of = f" of strategy {facts['strategy']}" if "strategy" in facts else ""
        self.name = f" {facts['strategy']}" if "strategy" in facts else ""

    def text(self, name: str) -> str:
        return str(self.all[name])

    def number(self, name: str) -> Decimal:
        return Decimal(self.all[name])

    def usd(self, name: str) -> str:
        return figures.usd(self.number(name))

    def price(self, name: str) -> str:
        return figures.price(self.number(name))

    def shares(self, name: str) -> str:
        return figures.shares(self.number(name))

    def count(self, name: str) -> str:
        return f"{int(self.number(name)):,}"

    def seconds(self, name: str) -> str:
        return figures.seconds(float(self.number(name)))
