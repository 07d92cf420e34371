"""Lots and corporate actions, and whose they are."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from tradebot.domain.lots import CorporateAction, Lot, LotStatus
from tradebot.domain.strategies import History
from tradebot.domain.trades import Place


class LotBook(Protocol):
    """A part of `Books`."""

    async def lots(
        self,
        status: LotStatus | None = None,
        *,
        ticker: str | None = None,
        strategy: str | None = None,
        closed_since: datetime | None = None,
    ) -> Sequence[Lot]: ...

    async def realised_since_start(self, strategy: str | None) -> tuple[Decimal, datetime | None]:
        """Net USD of all lots that ever closed, to a hundredth of a cent, and when the first lot was bought."""

    async def lots_closed_by(self, trade_ids: Collection[int]) -> Sequence[Lot]: ...

    async def lots_of(self, trade_ids: Collection[int]) -> Sequence[Lot]:
        """Rows that these trades opened or closed."""

    async def lots_open_before(self, strategy: str, ticker: str, place: Place) -> Sequence[Lot]:
        """Rows of shares that were open just before this place: an older trade opened them, and no older one closed them."""

    async def rewrite_lots(
        self,
        strategy: str,
        ticker: str,
        lots: Iterable[Lot],
        *,
        closed_by: Collection[int] = (),
        and_open: bool = True,
    ) -> None:
        """Makes the rows that these trades closed, and with `and_open` the strategy's open ones of the ticker, equal to `lots`.

        Matched by (opening, closing) trade. All other rows stay as they are.
        """

    async def add_corporate_action(self, action: CorporateAction) -> None:
        """Waits for transactions that have read those of its ticker; later ones wait for this one."""

    async def corporate_actions(self, strategy: str, ticker: str) -> Sequence[CorporateAction]: ...

    async def histories(self, strategy: str) -> Sequence[History]:
        """By ticker, of every ticker that it has a trade or an alert of."""

    async def reassign(self, from_strategy: str, to_strategy: str, ticker: str) -> None:
        """Alerts, trades, lots and corporate actions of the ticker are the other strategy's from now on."""
