"""Fresh quotes: subscribe, take the first ticks, cancel.

Rules:
- Only ticks that arrive after the question count; nothing is cached. (ib_async's tickers keep the old price after an error.)
- Live data first; where the account has no subscription, delayed data. Never a snapshot: it ends after 11 s, or never.
- No offer, no data, frozen data, a competing session: nothing for what is missing, never an old or invented price; and
  IB's words for why.
- Callers who want the same stock at the same moment share one subscription. Few subscriptions at once: IB allows about 100, and
  each costs messages that an order may need.
"""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

from loguru import logger

from tradebot.broker import codes
from tradebot.broker.client import room_for_request
from tradebot.broker.orders import ib_contract
from tradebot.broker.requests import RequestRefused
from tradebot.broker.wrapper import Session
from tradebot.domain.brokerage import Contract, NoQuote, Quote
from tradebot.errors import BrokerUnavailable

SUBSCRIPTIONS_MAX = 10
SETTLE_S = 0.3  # how long bid and last may lag behind the ask
_LIVE, _DELAYED = 1, 3
_FROZEN = frozenset({2, 4})  # the last prices of a closed market, sent as if they were new
_NAMES = {1: "bid", 2: "ask", 4: "last", 66: "bid", 67: "ask", 68: "last"}
_FIRST_DELAYED_TICK = 66


class Quotes:
    """Quotes asked for now, by contract id."""

    def __init__(self) -> None:
        self._flights: dict[int, asyncio.Task[Quote | NoQuote]] = {}
        self._slots = asyncio.Semaphore(SUBSCRIPTIONS_MAX)

    async def quote(self, session: Session, contract: Contract, timeout_s: float) -> Quote | NoQuote:
        """Raises BrokerUnavailable when the connection is lost meanwhile."""
        flight = self._flights.get(contract.con_id)
        if flight is None:
            flight = asyncio.create_task(
                self._fly(session, contract, timeout_s), name=f"broker-quote-{contract.ticker}"
            )
            flight.add_done_callback(_seen)  # its askers may all be gone
            self._flights[contract.con_id] = flight
        return await asyncio.shield(flight)

    async def close(self) -> None:
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    async def _fly(self, session: Session, contract: Contract, timeout_s: float) -> Quote | NoQuote:
        try:
            async with self._slots:
                return await _live_or_delayed(session, contract, timeout_s)
        except RequestRefused as refusal:
            logger.warning("No quote for {}: {}", contract.ticker, refusal)
            return NoQuote(refusal.code, refusal.text)
        except ConnectionError as error:  # ib_async's, when the socket is gone
            raise BrokerUnavailable(f"no quote for {contract.ticker}: {error}") from error
        finally:
            del self._flights[contract.con_id]


def _seen(flight: asyncio.Task[Quote | NoQuote]) -> None:
    if not flight.cancelled():
        flight.exception()


async def _live_or_delayed(session: Session, contract: Contract, timeout_s: float) -> Quote | NoQuote:
    await room_for_request(session.client)
    deadline = asyncio.get_running_loop().time() + timeout_s
    try:
        return await _subscribe(session, contract, _LIVE, deadline)
    except RequestRefused as refusal:
        if refusal.code not in codes.NOT_SUBSCRIBED:
            raise
    return await _subscribe(session, contract, _DELAYED, deadline)


async def _subscribe(session: Session, contract: Contract, kind: int, deadline: float) -> Quote | NoQuote:
    client = session.client
    if session.closed.done():
        raise BrokerUnavailable(f"no quote for {contract.ticker}: the connection was lost: {session.closed.result()}")
    if session.market_data_type != kind:
        client.reqMarketDataType(kind)
        session.market_data_type = kind
    req_id = client.getReqId()
    ticks = session.ticks[req_id] = _Ticks(kind == _DELAYED)
    subscribed = True
    try:
        client.reqMktData(req_id, ib_contract(contract), "", False, False, [])
        async with asyncio.timeout_at(deadline):
            await ticks.complete
    except TimeoutError:
        pass  # what has come by now is the quote
    except RequestRefused:
        subscribed = False
        raise
    finally:
        del session.ticks[req_id]
        if subscribed and client.isReady():
            client.cancelMktData(req_id)
    return ticks.quote()


class _Ticks:
    """The first ticks of one subscription."""

    def __init__(self, delayed: bool) -> None:
        self.complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()
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

    def market_data_type(self, kind: int) -> None:
        self._delayed = kind >= _DELAYED
        self._frozen = kind in _FROZEN

    def tick(self, kind: int, price: Decimal | None) -> None:
        if kind not in _NAMES or self._frozen:
            return
        self._delayed |= kind >= _FIRST_DELAYED_TICK
        self._prices[_NAMES[kind]] = price
        self._at = datetime.now(UTC)
        if self._prices.get("ask") is None:
            return
        if len(self._prices) == len(set(_NAMES.values())):
            self._finish()
        else:
            asyncio.get_running_loop().call_later(SETTLE_S, self._finish)

    def refused(self, code: int, text: str) -> None:
        delayed_follows = self._delayed_asked and code in codes.DELAYED_FOLLOWS
        if delayed_follows:
            self._why_none = NoQuote(code, text)
        if not (delayed_follows or codes.is_warning(code) or self.complete.done()):
            self.complete.set_exception(RequestRefused(code, text))

    def lost(self, reason: str) -> None:
        if not self.complete.done():
            self.complete.set_exception(BrokerUnavailable(f"the connection to the gateway was lost: {reason}"))

    def _finish(self) -> None:
        if not self.complete.done():
            self.complete.set_result(None)
