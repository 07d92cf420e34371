"""In which industry a stock is, as `tradebot.ports.Books` has it."""

from collections.abc import Mapping, Sequence

from tradebot.database import values
from tradebot.database.rows import Rows


class IndustryRows(Rows):
    """A part of `SqlBooks`."""

    async def industries(self) -> Mapping[int, str]:
        return {row["con_id"]: row["name"] for row in await self._rows("industries")}

    async def tickers_without_industry(self) -> Sequence[str]:
        return [row["ticker"] for row in await self._rows("tickers_without_industry")]

    async def put_industries(self, names: Mapping[int, str]) -> None:
        for con_id, name in names.items():
            await self._rows("put_industry", con_id=con_id, industry=values.outgoing(name))
