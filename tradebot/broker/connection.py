"""Keeping one connection to the gateway, for ever.

Rules:
- One fixed client id. When it is taken (326) the same id is tried again: only it may cancel its orders and hears of their fills.
- A connection counts once its account is resolved and its values, positions and own open orders have come; then it gets a number,
  the generation. A lost one starts over from nothing.
- Failures are followed by growing pauses with jitter; after `connect_attempts` in a row this is reported once; trying goes on.
- A connection on which the word of IB's return (1101, 1102) does not come is given up: after a minute of data farms that are
  fine again, or ten minutes outside the gateway's restart window. The next one finds out how it is.
- A gateway that refused orders as read-only is asked again by and by: once it lists orders, the box was unticked.
- Which account, and whether it may be traded, is decided here and stays so for the connection. A live account (its id does not
  begin with D) is connected and shown, but traded only when the owner allows it.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from loguru import logger

from tradebot.broker.account import AccountBook, watch_daily_pnl
from tradebot.broker.wrapper import ACCOUNT, POSITIONS, Session
from tradebot.domain.brokerage import BrokerEvent, Connected, Disconnected, OrdersTaken, Refused
from tradebot.domain.restart_window import NO_RESTART, RestartWindow
from tradebot.errors import BrokerUnavailable
from tradebot.ports import Beat, Connection, LinkSession


@dataclass(frozen=True, slots=True)
class BrokerOptions:
    """How to reach the gateway, and which account may be traded."""

    host: str
    port: int
    client_id: int = 1
    account: str | None = None  # needed when the login manages several
    allow_live: bool = False
    connect_attempts: int = 50  # failures in a row until `Disconnected(exhausted=True)`
    backoff_s: tuple[float, float] = (1, 60)
    quote_timeout_s: float = 3.0
    question_timeout_s: float = 10.0
    connect_timeout_s: float = 10.0  # each of: TCP, handshake, each part of the initial data
    heartbeat_s: float = 15.0  # the gateway is asked for its time; two unanswered end the connection
    restart: RestartWindow = NO_RESTART  # in which being away is no reason to give a connection up
    farms_ok_s: float = 60.0  # data farms are fine and IB's return is not told: then the connection is given up
    upstream_lost_s: float = 600.0  # the same without any word, outside the restart window
    read_only_again_s: float = 30.0  # between two looks whether a read-only gateway takes orders


class Link:
    """The connection there is, or the next attempt."""

    def __init__(self, options: BrokerOptions, emit: Callable[[BrokerEvent], None]) -> None:
        self._options = options
        self._emit = emit
        self.unanswered: Counter[str] = Counter()  # questions, on every connection
        self._session: Session | None = None
        self._failures = 0
        self._unreadable = 0  # connections in a row that ended with a message that cannot be read
        self._refused: str | None = None  # the last refusal reported
        self._state = Connection(
            up=False,
            upstream=False,
            link_session=LinkSession(0, 0),
            account=None,
            paper=None,
            tradable=False,
            why_not="not connected to the gateway yet",
            since=None,
        )

    @property
    def connection(self) -> Connection:
        session = self._session
        if session is None:
            return self._state
        if session.closed.done():  # and the loop has not turned yet
            return replace(self._state, up=False, upstream=False, tradable=False, why_not=session.closed.result())
        state = replace(
            self._state, upstream=session.upstream, link_session=LinkSession(self._state.generation, session.losses)
        )
        return replace(state, tradable=False, why_not=_READ_ONLY) if session.read_only else state

    @property
    def session(self) -> Session | None:
        """The connection that is up."""
        return self._session if self._session and not self._session.closed.done() else None

    def ready(self) -> Session:
        """The connection, linked to IB. Raises BrokerUnavailable."""
        if self.session is None:
            raise BrokerUnavailable(f"the broker is not connected: {self._state.why_not}")
        if not self.session.upstream:
            raise BrokerUnavailable("the gateway has lost its link to IB's servers")
        return self.session

    def give_up_if_stuck(self) -> None:
        """Cuts a connection that has lost IB's servers and will not say that they are back."""
        session = self.session
        if session is None or session.upstream:
            return
        now = asyncio.get_running_loop().time()
        if self._options.restart.covers(datetime.now(UTC)):
            session.lost_at = now  # what lasts is counted from the window's end
        if session.farms_ok_at is not None and now - session.farms_ok_at >= self._options.farms_ok_s:
            session.drop("its data farms are fine again, but it does not say that IB's servers are (no 1102)")
        elif now - session.lost_at >= self._options.upstream_lost_s:
            session.drop(
                f"it has lost IB's servers for {now - session.lost_at:.0f} s and does not say that they are back"
            )

    def orders_are_taken(self, session: Session) -> None:
        """A gateway that was read-only has listed orders: its Read-Only API was switched off."""
        session.read_only = False
        self._refused = None
        self._emit(OrdersTaken())
        if self._state.why_not:
            self._refuse(self._state.why_not)

    async def run(self, beat: Beat) -> None:
        """Connect, serve, start over; until cancelled."""
        while True:
            beat()
            session = Session(self._options.client_id, self._emit, self.unanswered)
            try:
                await self._serve(session, beat)
            except BrokerUnavailable as error:
                self._failed(str(error), session.client_id_taken)
            except Exception as error:  # trying goes on whatever happens
                logger.exception("Connecting to the gateway failed in a way that was not foreseen")
                self._failed(repr(error), client_id_taken=False)
            finally:
                await session.close()
            await asyncio.sleep(_pause(max(1, self._failures, self._unreadable), self._options.backoff_s))

    async def _serve(self, session: Session, beat: Beat) -> None:
        options = self._options
        await session.open(options.host, options.port, options.connect_timeout_s)
        accounts = session.client.getAccounts()
        account = choose_account(accounts, options.account)
        if account is None or is_advisors_own(account, accounts):
            self._refuse(which_account(accounts, options.account))
            # Only a person can put it right; the login may change, though.
            await session.watch(options.heartbeat_s, beat)
            return
        await _initial_data(session, account, options.connect_timeout_s)
        self._came_up(session, account)
        try:
            reason = await session.watch(options.heartbeat_s, beat)
        except asyncio.CancelledError:
            self._session = None
            self._set_down("tradebot is stopping")
            raise
        self._went_down(reason)
        self._unreadable = self._unreadable + 1 if session.unreadable else 0
        if self._unreadable == 1:
            self._emit(
                Refused(f"The gateway's connection was cut: {reason}. It is tried again for ever, ever more seldom.")
            )

    def _came_up(self, session: Session, account: str) -> None:
        paper = account.startswith("D")
        why_not = None if paper or self._options.allow_live else _LIVE_REFUSED.format(account)
        self._failures = 0
        self._session = session
        self._state = Connection(
            up=True,
            upstream=True,
            link_session=LinkSession(self._state.generation + 1, 0),
            account=account,
            paper=paper,
            tradable=why_not is None,
            why_not=why_not,
            since=datetime.now(UTC),
            next_order_id=session.next_order_id,
        )
        kind = "paper" if paper else "LIVE"
        logger.debug("Connected to the gateway: {} account {}, generation {}", kind, account, self._state.generation)
        version, ahead_s = session.client.serverVersion(), session.clock_ahead_s
        self._emit(Connected(self._state.generation, account, paper, version, clock_ahead_s=ahead_s))
        if session.read_only:
            self._refuse(_READ_ONLY)
        elif why_not:
            self._refuse(why_not)
        else:
            self._refused = None

    def _went_down(self, reason: str) -> None:
        self._session = None
        self._set_down(reason)
        logger.warning("The connection to the gateway ended: {}", reason)
        self._emit(Disconnected(self._state.generation, reason))

    def _failed(self, reason: str, client_id_taken: bool) -> None:
        self._failures += 1
        attempts = self._options.connect_attempts
        logger.warning("Attempt {} to connect to the gateway failed: {}", self._failures, reason)
        if client_id_taken:
            self._refuse(_CLIENT_ID_TAKEN.format(self._options.client_id))
        self._set_down(reason)
        first_ever = self._failures == 1 and self._state.generation == 0
        if first_ever or self._failures == attempts:
            exhausted = self._failures == attempts
            self._emit(Disconnected(self._state.generation, reason, self._failures, exhausted))

    def _refuse(self, reason: str) -> None:
        if not self._state.up:
            self._set_down(reason)
        if reason != self._refused:
            logger.debug("Not trading: {}", reason)
            self._refused = reason
            self._emit(Refused(reason))

    def _set_down(self, reason: str) -> None:
        since = self._state.since if not self._state.up and self._state.since else datetime.now(UTC)
        self._state = replace(self._state, up=False, upstream=False, tradable=False, why_not=reason, since=since)


async def _initial_data(session: Session, account: str, timeout_s: float) -> None:
    client = session.client
    session.account = AccountBook(account)
    await session.requests.listing(ACCOUNT, lambda: client.reqAccountUpdates(True, account), timeout_s)
    watch_daily_pnl(client, session.account)
    session.account.all_positions(await session.requests.listing(POSITIONS, client.reqPositions, timeout_s))
    try:
        # makes known to which order later statuses belong
        await session.open_orders(timeout_s, client.reqOpenOrders)
    except BrokerUnavailable:
        if not session.read_only:
            raise
    if not session.account.ready:
        raise BrokerUnavailable(f"IB says that the values of account {account} are not ready (AccountReady=false)")


def choose_account(accounts: list[str], wanted: str | None) -> str | None:
    """The account to trade; None where the configuration does not say which, or one that there is not."""
    if wanted:
        return wanted if wanted in accounts else None
    return accounts[0] if len(accounts) == 1 else None


def is_advisors_own(account: str, accounts: list[str]) -> bool:
    """F1234567, DF1234567: an advisor's master account, whose orders IB takes only with an allocation to clients' accounts."""
    return len(accounts) > 1 and account.removeprefix("D").startswith("F")


def which_account(accounts: list[str], wanted: str | None) -> str:
    """Why none of the login's accounts can be traded, and what to set."""
    names = ", ".join(name for name in accounts if not is_advisors_own(name, accounts))
    if wanted in accounts:
        return (
            f"{wanted} is an advisor's master account: IB takes its orders only with an allocation to clients. "
            f"Set [broker] account to one of these: {names}."
        )
    if wanted:
        return f"the gateway's login does not manage account {wanted}; it manages: {names}. Correct [broker] account."
    return f"the gateway's login manages several accounts: {names}. Set [broker] account to the one to trade."


def _pause(failures: int, backoff_s: tuple[float, float]) -> float:
    first, longest = backoff_s
    longest_now = min(longest, first * 2.0 ** min(failures - 1, 16))
    return longest_now * random.uniform(0.5, 1)  # noqa: S311  no secret


_READ_ONLY = (
    "the gateway's Read-Only API is on, so it takes no orders. Switch it off there: Configure, Settings, API, Settings."
)
_LIVE_REFUSED = "{} is a live account. Set [broker] allow_live = true to trade real money with it."
_CLIENT_ID_TAKEN = (
    "client id {} is in use by another program at this gateway: is a second tradebot running? "
    "Trying again with the same id."
)
