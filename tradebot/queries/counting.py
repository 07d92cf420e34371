"""Figures counted in a process of its own that ends with its answer.

Rules: the daemon reads the books page by page and hands each page on: it never holds a history, and neither counting nor what is
counted from takes the processor or memory of trading, however long the history is. The process connects to nothing and writes no
file. What comes back is our own process's word.
"""

import asyncio
import pickle
from collections.abc import AsyncIterator
from typing import Any

from tradebot.apart import NoAnswer, answer_of
from tradebot.errors import NotCounted
from tradebot.queries.known import Part

DEADLINE_S = 300.0
"""After all is read: many times as long as 100,000 lots take on a machine at rest. Nobody's order waits for it, and what is given
up too early is counted anew by whoever asks again."""


async def counted(what: str, known: AsyncIterator[Part], *given: object) -> Any:
    """`what`: see `count_apart.py`, which takes what is known and what else is given. Raises NotCounted, and what reading
    raises."""

    async def pieces() -> AsyncIterator[bytes]:
        yield pickle.dumps((what, given))
        async for part in known:
            yield pickle.dumps(part)

    try:
        answer = await answer_of(["-m", "tradebot.queries.count_apart"], pieces(), DEADLINE_S)
    except NoAnswer as error:
        raise NotCounted(f"figures were not counted: the process that does it {error}; ask again later") from None
    return await asyncio.to_thread(pickle.loads, answer)
