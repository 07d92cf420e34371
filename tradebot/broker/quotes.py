"""Fresh quotes: subscribe, take the first ticks, and keep the line for the next question.

Rules:
- A quote is of ticks that arrived after the question, or of a kept line with a tick at most `FRESH_S` old, of this connection
  and since IB's servers were last lost. (ib_async's tickers keep the old price after an error.)
- Kept are lines of live data alone; each ends when nobody has asked for `KEEP_S`, and with any word of IB's against it: an error,
  delayed or frozen data. There are `LINES_MAX` at once, with those of questions: for another one the least recently used ends or,
  while all of them are in use, the newest: a burst over more tickers would else end each just before it is asked for again.
- Live data first; where the account has no subscription, delayed data. Never a snapshot: it ends after 11 s, or never.
- No offer, no data, frozen data, a competing session: nothing for what is missing, never an old or invented price; and
  IB's words for why.
- Callers who want the same stock at the same moment share one subscription. Few at once: each costs messages that orders need.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from loguru import logger

from tradebot.broker import codes
from tradebot.broker.client import has_room, room_for_request
from tradebot.broker.orders import ib_contract
from tradebot.broker.requests import RequestRefused
from tradebot.broker.wrapper import Session
from tradebot.domain.brokerage import Contract, NoQuote, Quote
from tradebot.errors import BrokerUnavailable

SUBSCRIPTIONS_MAX = 10
LINES_MAX = 60  # IB allows 100 in all, the owner's TWS included
FRESH_S = 2.0
KEEP_S = 300.0
IN_USE_S = 60.0  # asked for within that: a burst over many tickers takes less
QUIET_LOOK_S = 1.0
QUIET = 20  # messages a second, beside which lines that nobody uses are ended
SETTLE_S = 0.3  # how long bid and last may lag behind the ask
_LIVE, _DELAYED = 1, 3
_FROZEN = frozenset({2, 4})  # the last prices of a closed market, sent as if they were new
_NAMES = {1: "bid", 2: "ask", 4: "last", 66: "bid", 67: "ask", 68: "last"}
_FIRST_DELAYED_TICK = 66


@dataclass(eq=False, slots=True)
class _Line:
    """A subscription that goes on after its first quote."""

    session: Session
    losses: int  # of IB's servers, when it began
    req_id: int
    ticks: "_Ticks"
    began_at: float  # loop time
    used_at: float

    @property
    def quote(self) -> Quote | NoQuote | None:
        """None: it may not be trusted, or has been still for too long."""
        valid = not self.session.closed.done() and self.session.upstream and self.session.losses == self.losses
        return self.ticks.quote() if valid and self.ticks.fresh else None

    def end(self) -> None:
        self.session.ticks.pop(self.req_id, None)
        if self.session.client.isReady():
            self.session.client.cancelMktData(self.req_id)


class Quotes:
    """Quotes asked for now, and the lines that are kept, by contract id."""

    def __init__(self) -> None:
        self._flights: dict[int, asyncio.Task[Quote | NoQuote]] = {}
        self._slots = asyncio.Semaphore(SUBSCRIPTIONS_MAX)
        self._lines: OrderedDict[int, _Line] = OrderedDict()  # the least recently used first
        self._asking = 0  # lines of questions

    async def quote(self, session: Session, contract: Contract, timeout_s: float) -> Quote | NoQuote:
        """Raises BrokerUnavailable when the connection is lost meanwhile."""
        if (line := self._lines.get(contract.con_id)) is not None and line.session is session:
            line.used_at = asyncio.get_running_loop().time()
            self._lines.move_to_end(contract.con_id)
            if (quote := line.quote) is not None:
                return quote
        flight = self._flights.get(contract.con_id)
        if flight is None:
            flight = asyncio.create_task(
                self._fly(session, contract, timeout_s), name=f"broker-quote-{contract.ticker}"
            )
            flight.add_done_callback(seen)  # its askers may all be gone
            self._flights[contract.con_id] = flight
        return await asyncio.shield(flight)

    def kept(self, session: Session, con_id: int) -> Quote | None:
        """What a kept line says at this moment; it stays as old as it is."""
        line = self._lines.get(con_id)
        quote = line.quote if line is not None and line.session is session else None
        return quote if isinstance(quote, Quote) else None

    async def close(self) -> None:
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    async def _fly(self, session: Session, contract: Contract, timeout_s: float) -> Quote | NoQuote:
        try:
            async with self._slots:
                return await self._live_or_delayed(session, contract, timeout_s)
        except RequestRefused as refusal:
            logger.warning("No quote for {}: {}", contract.ticker, refusal)
            return NoQuote(refusal.code, refusal.text)
        except ConnectionError as error:  # ib_async's, when the socket is gone
            raise BrokerUnavailable(f"no quote for {contract.ticker}: {error}") from error
        finally:
            del self._flights[contract.con_id]

    async def _live_or_delayed(self, session: Session, contract: Contract, timeout_s: float) -> Quote | NoQuote:
        await room_for_request(session.client)
        self._end(contract.con_id)
        self._make_way(session)
        deadline = asyncio.get_running_loop().time() + timeout_s
        limited_until = session.limited_until
        self._asking += 1
        try:
            line = await _subscribe(session, contract, _LIVE, deadline)
        except RequestRefused as refusal:
            if refusal.code not in codes.NOT_SUBSCRIBED:
                raise
            line = await _subscribe(session, contract, _DELAYED, deadline)
        finally:
            self._asking -= 1
        quote = line.ticks.quote()
        if line.ticks.fresh:
            self._keep(contract.con_id, line)
        else:
            line.end()
        if isinstance(quote, NoQuote) and session.limited_until != limited_until:
            raise BrokerUnavailable(
                f"no quote for {contract.ticker}: IB took no more messages, perhaps not this question"
            )
        return quote

    # --- lines ------------------------------------------------------------------------------------------------------

    def _keep(self, con_id: int, line: _Line) -> None:
        self._lines[con_id] = line
        self._look_again(con_id, line)

    def _make_way(self, session: Session) -> None:
        """For one more line."""
        for con_id in [con_id for con_id, line in self._lines.items() if line.session is not session]:
            self._end(con_id)
        in_use_since = asyncio.get_running_loop().time() - IN_USE_S
        while self._lines and len(self._lines) + self._asking >= LINES_MAX:
            con_id, oldest = next(iter(self._lines.items()))
            if oldest.used_at >= in_use_since:
                con_id = max(self._lines, key=lambda con_id: self._lines[con_id].began_at)
            self._end(con_id)

    def _look_again(self, con_id: int, line: _Line) -> None:
        """When it may be time to end it."""
        loop = asyncio.get_running_loop()
        due_s = line.used_at + KEEP_S - loop.time()
        if self._lines.get(con_id) is not line:
            return
        if line.session.closed.done() or (due_s <= 0 and has_room(line.session.client, 1, QUIET)):
            self._end(con_id)
        elif due_s <= 0:
            loop.call_later(QUIET_LOOK_S, self._look_again, con_id, line)
        else:
            loop.call_later(due_s, self._look_again, con_id, line)

    def _end(self, con_id: int) -> None:
        if (line := self._lines.pop(con_id, None)) is not None:
            line.end()


def seen(flight: asyncio.Task[Any]) -> None:
    """Takes note of its error, so that asyncio does not complain where nobody waits for it any more."""
    if not flight.cancelled():
        flight.exception()


async def _subscribe(session: Session, contract: Contract, kind: int, deadline: float) -> _Line:
    """With the ticks that have come by the deadline."""
    client = session.client
    if session.closed.done():
        raise BrokerUnavailable(f"no quote for {contract.ticker}: the connection was lost: {session.closed.result()}")
    if session.market_data_type != kind:
        client.reqMarketDataType(kind)
        session.market_data_type = kind
    now = asyncio.get_running_loop().time()
    line = _Line(session, session.losses, client.getReqId(), _Ticks(kind == _DELAYED), began_at=now, used_at=now)
    session.ticks[line.req_id] = line.ticks
    try:
        client.reqMktData(line.req_id, ib_contract(contract), "", False, False, [])
        async with asyncio.timeout_at(deadline):
            await line.ticks.complete
    except TimeoutError:
        pass  # what has come by now is the quote
    except RequestRefused:
        del session.ticks[line.req_id]
        raise
    except BaseException:
        line.end()
        raise
    return line


class _Ticks:
    """The newest ticks of one subscription."""

    def __init__(self, delayed: bool) -> None:
        self.complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._doubted = False  # IB has said something against it
        self._heard_at = -FRESH_S  # loop time of the last price
        self._delayed_asked = self._delayed = delayed
        self._frozen = False
        self._prices: dict[str, Decimal | None] = {}
        self._at = datetime.now(UTC)
        self._why_none = NoQuote()  # IB's words about data that was to follow, should none do so

    def quote(self) -> Quote | NoQuote:
        bid, ask, last = (self._prices.get(name) for name in ("bid", "ask", "last"))
        if bid is None and ask is None and last is None:
            return self._why_none
        return Quote(bid, ask, last, self._at, self._delayed)

    @property
    def fresh(self) -> bool:
        """Whether what is known now is live, and was heard a moment ago."""
        trusted = not (self._doubted or self._delayed or self._frozen) and self.complete.done()
        return trusted and asyncio.get_running_loop().time() - self._heard_at <= FRESH_S

    def market_data_type(self, kind: int) -> None:
        self._delayed = kind >= _DELAYED
        self._frozen = kind in _FROZEN

    def tick(self, kind: int, price: Decimal | None) -> None:
        if kind not in _NAMES or self._frozen:
            return
        self._delayed |= kind >= _FIRST_DELAYED_TICK
        self._prices[_NAMES[kind]] = price
        self._at, self._heard_at = datetime.now(UTC), asyncio.get_running_loop().time()
        if self.complete.done() or self._prices.get("ask") is None:
            return
        if len(self._prices) == len(set(_NAMES.values())):
            self._finish()
        else:
            asyncio.get_running_loop().call_later(SETTLE_S, self._finish)

    def refused(self, code: int, text: str) -> None:
        self._doubted |= not codes.is_warning(code)
        delayed_follows = self._delayed_asked and code in codes.DELAYED_FOLLOWS
        if delayed_follows:
            self._why_none = NoQuote(code, text)
        if not (delayed_follows or codes.is_warning(code) or self.complete.done()):
            self.complete.set_exception(RequestRefused(code, text))

    def lost(self, reason: str) -> None:
        self._doubted = True
        if not self.complete.done():
            self.complete.set_exception(BrokerUnavailable(f"the connection to the gateway was lost: {reason}"))

    def _finish(self) -> None:
        if not self.complete.done():
            self.complete.set_result(None)
