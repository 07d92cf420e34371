"""In which industry a stock is."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class IndustryBook(Protocol):
    """A part of `Books`."""

    async def industries(self) -> Mapping[int, str]:
        """IB's words, by contract: of every stock that was ever looked up and has one."""

    async def tickers_without_industry(self) -> Sequence[str]:
        """Of what is held."""

    async def put_industries(self, names: Mapping[int, str]) -> None:
        """The newer word takes the older one's place."""
