"""A look at the gateway by a program that does not trade: a connection of its own, questions, and what an order would lead to.

Rules:
- Its client id is another one than the daemon's, by chance, so that it takes nobody's place; it subscribes to nothing that stays.
- The only order it ever writes is a what-if order, which IB answers with margins and commission and never transmits.
- Every question has a time-out; nothing is tried again.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal

from tradebot.broker import contracts
from tradebot.broker.account import AccountBook
from tradebot.broker.connection import choose_account, is_advisors_own, which_account
from tradebot.broker.quotes import Quotes
from tradebot.broker.requests import RequestRefused
from tradebot.broker.translate import decimal
from tradebot.broker.what_if import what_if
from tradebot.broker.wrapper import ACCOUNT, COMPLETED_ORDERS, Session
from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import (
    Account,
    BrokerEvent,
    Contract,
    Execution,
    NoQuote,
    Order,
    OrderReport,
    Quote,
    UpstreamLost,
)
from tradebot.errors import BrokerUnavailable, ConfigError, UnknownContract

_CLIENT_IDS = (900_000, 999_999)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """IB's answer to a what-if order. `refused`: its code and words where it would not take the order."""

    commission: Decimal | None = None
    currency: str = ""
    warning: str = ""
    refused: tuple[int, str] | None = None


class Probe:
    """One connection, for questions only. Each raises BrokerUnavailable, BrokerSilent."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()  # the gateway says that it does not reach IB's servers
        # not the daemon's client id, nor another doctor's
        self._session = Session(random.randint(*_CLIENT_IDS), self._hear)  # noqa: S311  no secret
        self._quotes = Quotes()

    def _hear(self, event: BrokerEvent) -> None:
        if isinstance(event, UpstreamLost):
            self.lost.set()

    async def open(self, host: str, port: int, timeout_s: float) -> None:
        await self._session.open(host, port, timeout_s)

    @property
    def server_version(self) -> int:
        return self._session.client.serverVersion()

    @property
    def clock_ahead_s(self) -> float | None:
        """By how much this machine's clock is ahead of the gateway's; None: not told."""
        return self._session.clock_ahead_s

    @property
    def read_only(self) -> bool:
        """Whether it has refused something as read-only on this connection."""
        return self._session.read_only

    def choose_account(self, wanted: str | None) -> str:
        """The account that would be traded. Raises ConfigError, with what to set."""
        accounts = self._session.client.getAccounts()
        account = choose_account(accounts, wanted)
        if account is None or is_advisors_own(account, accounts):
            raise ConfigError(which_account(accounts, wanted))
        self._session.account = AccountBook(account)
        return account

    async def values(self, timeout_s: float) -> Account | None:
        """The account's values; None while IB says that they are not ready."""
        client, book = self._session.client, self._session.account
        await self._session.requests.listing(ACCOUNT, lambda: client.reqAccountUpdates(True, book.account), timeout_s)
        return book.snapshot()

    async def executions(self, timeout_s: float) -> Sequence[Execution]:
        try:
            return await self._session.executions(timeout_s)
        except RequestRefused as refusal:
            raise BrokerUnavailable(f"the gateway refuses to tell of executions: {refusal}") from refusal

    async def completed_orders(self, timeout_s: float) -> Sequence[OrderReport]:
        client = self._session.client
        return await self._session.requests.listing(
            COMPLETED_ORDERS, lambda: client.reqCompletedOrders(apiOnly=False), timeout_s
        )

    async def open_orders(self, timeout_s: float) -> Sequence[OrderReport]:
        return await self._session.open_orders(timeout_s, self._session.client.reqAllOpenOrders)

    async def contract(self, ticker: str, timeout_s: float) -> Contract:
        """Raises UnknownContract too."""
        session = self._session
        req_id = session.client.getReqId()
        try:
            details = await session.requests.numbered(
                req_id,
                f"the contract of {ticker}",
                lambda: session.client.reqContractDetails(req_id, contracts.stock(ticker)),
                timeout_s,
            )
        except RequestRefused as refusal:
            raise UnknownContract(f"IB does not look up {ticker}: {refusal}") from refusal
        return contracts.choose(ticker, None, details)

    async def quote(self, contract: Contract, timeout_s: float) -> Quote | NoQuote:
        return await self._quotes.quote(self._session, contract, timeout_s)

    async def what_if(self, contract: Contract, qty: Decimal, timeout_s: float) -> WhatIf:
        """What buying so many shares at the market would lead to. No order is made."""
        try:
            state = await what_if(self._session, Order("tradebot-doctor", contract, Side.BUY, qty), timeout_s)
        except RequestRefused as refusal:
            return WhatIf(refused=(refusal.code, refusal.text))
        return WhatIf(decimal(state.commission), state.commissionCurrency, state.warningText)

    async def close(self) -> None:
        await self._quotes.close()
        await self._session.close()


@asynccontextmanager
async def open_probe(host: str, port: int, timeout_s: float) -> AsyncIterator[Probe]:
    """Connects once. Raises BrokerUnavailable."""
    probe = Probe()
    try:
        await probe.open(host, port, timeout_s)
        yield probe
    finally:
        await probe.close()
