"""Contracts of the tickers that alerts have named lately, looked up on each connection before an alert needs them.

Rules: the database knows which tickers to ask for, never the answer: a rename or a reverse split comes over night, and a
contract of another day is not traded. What a burst of alerts finds is IB's word of this connection; where that has not come, the
alert asks by itself. One at a time, slowly, once a connection: nothing waits for it, and each costs a message. In which industry
a stock is, is stored for those who look at exposure, whoever asked; what is held and in none is looked up too.
"""

import asyncio
from contextlib import suppress

from loguru import logger

from tradebot.domain.alerts import AlertStatus
from tradebot.domain.brokerage import BrokerEvent, Connected
from tradebot.errors import UnknownContract
from tradebot.ports import IDLE_S, Broker, Clock, Ledger, Pulse
from tradebot.trading.booking import Listeners
from tradebot.trading.every import every
from tradebot.trading.gate import Gate

ALERTS = 1000
TICKERS_MAX = 200
PAUSE_S = 0.1
LOOK_EVERY_S = 60.0


class FamiliarTickers:
    """Has the broker look them up once on each connection."""

    def __init__(
        self, ledger: Ledger, broker: Broker, listeners: Listeners, *, gate: Gate, clock: Clock, pulse: Pulse
    ) -> None:
        self._ledger = ledger
        self._broker = broker
        self._gate = gate
        self._clock = clock
        self._beat = pulse.of("familiar tickers")
        self._connected = asyncio.Event()
        self._asked: dict[tuple[str, str | None], int] = {}  # on which connection last
        self._complete = 0  # for this connection
        self._industries: dict[int, str] | None = None  # as they are stored; None: not read yet
        listeners.connection.append(self._connection_changed)

    async def run(self) -> None:
        what = "look-up of familiar tickers"
        await every(LOOK_EVERY_S, self.look_up, what=what, clock=self._clock, beat=self._beat, wake=self._connected)

    async def look_up(self) -> float | None:
        """Those that were not asked for on this connection. Raises LedgerUnavailable, BrokerUnavailable."""
        again_in_s = await self._look_up()
        await self._store_industries()
        return again_in_s

    async def _look_up(self) -> float | None:
        if not await self._gate.opens(IDLE_S):
            return 0.0
        generation = self._broker.connection.generation
        if self._complete == generation:
            return None
        wanted = await self._tickers()
        for key in wanted:
            if self._asked.get(key) == generation:
                continue
            self._beat()
            self._asked[key] = generation  # one that is not answered holds up none of the others
            with suppress(UnknownContract):
                await self._broker.contract(*key)
            await self._clock.sleep(PAUSE_S)
            if self._broker.connection.generation != generation:
                return 0.0
        self._complete, self._asked = generation, {}
        logger.debug("{} tickers of the last alerts are known on connection {}", len(wanted), generation)
        return None

    async def _tickers(self) -> list[tuple[str, str | None]]:
        """Of the newest alerts first, each with the exchange that they name; then what is held and in no industry yet."""
        async with self._ledger.read() as books:
            alerts = await books.newest_alerts(tuple(AlertStatus), ALERTS)
            unplaced = await books.tickers_without_industry()
        named = {(one.ticker, one.primary_exchange): None for one in reversed(alerts) if one.ticker is not None}
        familiar = list(named)[:TICKERS_MAX]
        tickers = {ticker for ticker, _ in familiar}
        held = [ticker for ticker in unplaced if ticker not in tickers]
        return [*familiar, *((ticker, None) for ticker in held[:TICKERS_MAX])]

    async def _store_industries(self) -> None:
        """Those that the broker has told since; also of what was looked up for an alert."""
        if self._industries is None:
            async with self._ledger.read() as books:
                self._industries = dict(await books.industries())
        told = self._broker.industries()
        new = {con_id: name for con_id, name in told.items() if self._industries.get(con_id) != name}
        if new:
            async with self._ledger.begin() as books:
                await books.put_industries(new)
            self._industries |= new

    def _connection_changed(self, event: BrokerEvent) -> None:
        if isinstance(event, Connected):
            self._connected.set()
