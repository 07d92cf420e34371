"""Whose turn it is, when very many wait."""

import asyncio

from tradebot.domain.alerts import Side
from tradebot.trading.sequencer import Sequencer


class Counted(int):
    """An id that counts how often any of its kind is looked up."""

    looked_up = 0

    def __hash__(self) -> int:
        Counted.looked_up += 1
        return super().__hash__()


async def test_a_move_costs_the_same_however_many_buys_wait() -> None:
    """A burst of some thousand BUYs would hold up the loop, and every exit with it, for minutes: each move woke all of them."""
    sequencer = Sequencer(buys_max=2)
    turns: list[int] = []

    async def buy(alert_id: int) -> None:
        sequencer.is_a(alert_id, Side.BUY)
        await sequencer.near(alert_id)
        await sequencer.wait(alert_id, unless=lambda: False)
        turns.append(alert_id)
        await asyncio.sleep(0)
        sequencer.leave(alert_id)

    ids = [Counted(number) for number in range(300)]
    for alert_id in ids:
        sequencer.take_place(alert_id)
    await asyncio.gather(*map(buy, ids))
    assert turns == ids
    assert Counted.looked_up < 50 * len(ids)
