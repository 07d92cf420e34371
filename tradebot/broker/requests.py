"""Questions in flight on one connection, and how their answers find them.

Rules:
- Numbered questions carry a request id, which is never used twice on a connection: a late answer finds nobody.
- Listings (open orders, positions …) carry none. The same listing is never asked for twice at once; `alone` is its lock.
- A listing that timed out is owed one answer. It may still come, in the middle of the next answer to the same question, and
  must not be taken for it: the next question waits for the owed answer too, but only a moment longer than for a first one,
  for the gateway may have lost the question. The last answer counts.
- A lost connection ends every question.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Container
from decimal import Decimal
from typing import Any, Protocol

from tradebot.domain.questions import Question
from tradebot.errors import BrokerSilent, BrokerUnavailable

LATE_ANSWER_S = 1.0
_KINDS = frozenset(map(str, Question))


class TickListener(Protocol):
    """A market data request in flight."""

    def market_data_type(self, kind: int) -> None: ...
    def tick(self, kind: int, price: Decimal | None) -> None: ...
    def refused(self, code: int, text: str) -> None: ...
    def lost(self, reason: str) -> None: ...


class RequestRefused(Exception):
    """IB answered a numbered question with an error."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{text} (IB's code {code})")
        self.code = code
        self.text = text


class _Listing:
    def __init__(self) -> None:
        self.items: list[Any] = []
        self.answers: asyncio.Queue[list[Any] | BrokerUnavailable] = asyncio.Queue()
        self.received = 0

    async def answer(self) -> list[Any]:
        answer = await self.answers.get()
        if isinstance(answer, BrokerUnavailable):
            raise answer
        self.received += 1
        return answer


class Requests:
    """The questions of one connection."""

    def __init__(self, unanswered: Counter[str] | None = None) -> None:
        """`unanswered` counts what is not answered in time, by kind."""
        self._unanswered: Counter[str] = Counter() if unanswered is None else unanswered
        self._numbered: dict[int, tuple[list[Any], asyncio.Future[list[Any]], Container[int]]] = {}
        self._listings: dict[str, _Listing] = {}
        self._alone: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._owed: Counter[str] = Counter()
        self._lost: BrokerUnavailable | None = None

    # asking

    def alone(self, name: str) -> asyncio.Lock:
        """The lock of one kind of question: different kinds do not wait for each other."""
        return self._alone[name]

    async def numbered(
        self, req_id: int, name: str, send: Callable[[], None], timeout_s: float, *, notices: Container[int] = ()
    ) -> list[Any]:
        """The items of the answer. `notices`: codes that come beside an answer, and are none.

        Raises RequestRefused, BrokerUnavailable, BrokerSilent naming the question.
        """
        self._check()
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._numbered[req_id] = ([], future, notices)
        try:
            send()
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            raise self._silent(name, timeout_s) from None
        finally:
            del self._numbered[req_id]

    async def listing(self, name: str, send: Callable[[], None], timeout_s: float) -> list[Any]:
        """The items of the answer. Raises BrokerUnavailable, BrokerSilent naming the question."""
        self._check()
        assert name not in self._listings, f"{name} asked twice at once"
        question = self._listings[name] = _Listing()
        answered = False
        try:
            send()
            async with asyncio.timeout(timeout_s):
                items = await question.answer()
            items = await self._latest(question, items, self._owed[name])
            answered = True
        except TimeoutError:
            raise self._silent(name, timeout_s) from None
        else:
            return items
        finally:
            del self._listings[name]
            self._owed[name] = 0 if answered else self._owed[name] + 1 - question.received

    def _silent(self, name: str, timeout_s: float) -> BrokerSilent:
        self._unanswered[name if name in _KINDS else "contracts"] += 1
        return BrokerSilent(name, f"within {timeout_s:g} s")

    async def _latest(self, question: _Listing, items: list[Any], owed: int) -> list[Any]:
        try:
            async with asyncio.timeout(LATE_ANSWER_S):
                for _ in range(owed):
                    items = await question.answer()
        except TimeoutError:
            pass
        return items

    def _check(self) -> None:
        if self._lost:
            raise BrokerUnavailable(str(self._lost))

    # answering

    def item(self, key: int | str, item: object) -> bool:
        """One item of an answer; False when nobody asks."""
        if isinstance(key, str):
            listing = self._listings.get(key)
            if listing:
                listing.items.append(item)
            return listing is not None
        if key in self._numbered:
            self._numbered[key][0].append(item)
            return True
        return False

    def end(self, key: int | str) -> None:
        """An answer is complete."""
        if isinstance(key, int):
            items, future, _ = self._numbered.get(key, ([], None, ()))
            if future and not future.done():
                future.set_result(items)
        elif listing := self._listings.get(key):
            listing.answers.put_nowait(listing.items)
            listing.items = []
        elif self._owed[key] > 0:
            self._owed[key] -= 1

    def answer(self, key: int, item: object) -> None:
        """A whole answer of one item."""
        self.item(key, item)
        self.end(key)

    def refuse(self, req_id: int, code: int, text: str) -> bool:
        """IB answered with an error; False when no question has this number."""
        if req_id not in self._numbered:
            return False
        _, future, notices = self._numbered[req_id]
        if not future.done() and code not in notices:
            future.set_exception(RequestRefused(code, text))
        return True

    def refuse_listings(self, text: str) -> None:
        """IB refuses to list anything, without saying which listing it means."""
        for listing in self._listings.values():
            listing.answers.put_nowait(BrokerUnavailable(text))

    def lose(self, reason: str) -> None:
        """The connection is gone: nothing will be answered any more."""
        self._lost = BrokerUnavailable(f"the connection to the gateway was lost: {reason}")
        for _, future, _ in self._numbered.values():
            if not future.done():
                future.set_exception(BrokerUnavailable(str(self._lost)))
        for listing in self._listings.values():
            listing.answers.put_nowait(self._lost)
