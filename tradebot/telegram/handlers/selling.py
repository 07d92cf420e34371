"""Selling by hand: the question, with what would be sold, and the buttons that sell it."""

from collections.abc import Sequence
from dataclasses import dataclass

from tradebot.operations.operations import Operations
from tradebot.queries.daemon import DaemonQueries
from tradebot.queries.exits import Exit
from tradebot.telegram import questions
from tradebot.telegram.asked import ToSell
from tradebot.telegram.confirmations import Action, Confirmations
from tradebot.telegram.markup import Buttons


@dataclass(frozen=True, slots=True)
class Selling:
    """Who sells, and under which key: one question is worth each exit once."""

    operations: Operations
    queries: DaemonQueries
    by: str
    key: str

    def question(
        self, exits: Sequence[Exit], wanted: Sequence[ToSell], confirmations: Confirmations, user_id: int
    ) -> tuple[str, Buttons]:
        """`wanted`: several where a word is a strategy and a ticker: then it is asked which."""
        state, market_open = self.queries.state, self.queries.market_is_open()
        choices = [(which, [one for one in exits if which.admits(one.strategy, one.ticker)]) for which in wanted]
        choices = [(which, planned) for which, planned in choices if planned]
        if not choices:
            return questions.holds_nothing(wanted[0].strategy), ()
        buttons = confirmations.ask(
            user_id, *((questions.to_sell(which, planned), self._sells(planned)) for which, planned in choices)
        )
        if len(choices) > 1:
            return questions.which_to_sell(choices, state, market_open), buttons
        return questions.sell_all(choices[0][1], state, market_open, several=self.queries.run.several), buttons

    def _sells(self, planned: Sequence[Exit]) -> Action:
        async def sell() -> str:
            made = await self.operations.sell([one.lots for one in planned], self.by, self.key)
            return questions.selling(len(made))

        return sell
