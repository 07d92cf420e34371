"""Interactive Brokers: the gateway, the account, its cash, one ticker's market data, and whether it would take an order.

Rules: a connection of its own beside the daemon's; the only order is a what-if order, which is none. Questions that do not
depend on each other are asked at once.
"""

import asyncio
from dataclasses import dataclass
from decimal import Decimal

from tradebot.broker import Probe, open_probe
from tradebot.domain.brokerage import Contract, NoQuote, Quote
from tradebot.errors import BrokerSilent, BrokerUnavailable, ConfigError, UnknownContract
from tradebot.runtime.doctor.report import Section
from tradebot.runtime.doctor.surroundings import Asked
from tradebot.words import figures, ib_codes

TITLE = "Interactive Brokers"
SIMULATED = ("broker",)
GATEWAY, ACCOUNT, CASH, DATA, ORDERS, LISTS = "gateway", "account", "cash", "market data", "orders", "lists"
CHECKS = (GATEWAY, ACCOUNT, CASH, DATA, ORDERS, LISTS)
CONNECT_S, QUESTION_S, QUOTE_S = 3.0, 4.0, 2.0
READ_ONLY_FIX = "in IB Gateway: Configure, Settings, API, Settings, untick Read-Only API"
_RESTART = "restart IB Gateway"
_DIALOG = (
    "look at the gateway's screen for a dialog that waits for an answer, and tick “Bypass Order Precautions for API Orders” "
    "(Configure, Settings, API, Precautions)"
)


@dataclass(slots=True)
class Seen:
    """What the other sections need to know of IB."""

    account: str | None = None
    live: bool = False
    delayed: bool | None = None  # market data; None: there is none
    clock_ahead_s: float | None = None
    exchange_open: bool = True


def is_simulated(asked: Asked) -> bool:
    return asked.settings.broker.mode == "simulated"


async def look(section: Section, asked: Asked, seen: Seen) -> None:
    if is_simulated(asked):
        section.warn(
            "broker",
            "SIMULATED: the gateway is invented, and so are its quotes and fills; no order reaches IB, no money moves",
            'to trade: [broker] mode = "gateway", and port = 4002 (paper) or 4001 (live)',
        )
        return
    broker = asked.settings.broker
    place = f"{broker.host}:{broker.port}"
    try:
        async with open_probe(broker.host, broker.port, asked.within(CONNECT_S)) as probe:
            seen.clock_ahead_s = probe.clock_ahead_s
            section.ok(GATEWAY, f"{place}, API version {probe.server_version}")
            if _account(section, asked, probe, seen) and not await _ask(section, asked, probe, seen):
                section.fail(
                    GATEWAY,
                    f"{place} answers, and has lost IB's servers (1100, 2110)",
                    "look at the gateway's own line to IB; at night it is IB's maintenance, and comes back by itself",
                )
    except ConnectionError as error:  # ib_async's, when the socket is gone between two questions
        section.fail(GATEWAY, f"{place} broke the connection: {error}", _RESTART)
    except BrokerUnavailable as error:
        section.fail(GATEWAY, str(error), _unreachable(str(error), broker.port))


async def _ask(section: Section, asked: Asked, probe: Probe, seen: Seen) -> bool:
    """Everything that IB itself must answer. False, and no more is asked, when the gateway says that it has lost IB."""

    async def ask() -> None:
        await asyncio.gather(
            _cash(section, asked, probe), _lists(section, asked, probe), _order(section, asked, probe, seen)
        )

    asking = asyncio.create_task(ask(), name="doctor-ib")
    losing = asyncio.create_task(probe.lost.wait(), name="doctor-ib-lost")
    try:
        await asyncio.wait({asking, losing}, return_when=asyncio.FIRST_COMPLETED)
        if losing.done():
            return False
        await asking
        return True
    finally:
        for task in (asking, losing):
            task.cancel()
        await asyncio.gather(asking, losing, return_exceptions=True)


def _unreachable(error: str, port: int) -> str:
    if "handshake" in error:
        return "restart IB Gateway; is this address among its trusted ones (Configure, Settings, API, Settings, Trusted IPs)?"
    if "ended the connection" in error:
        return "look at the gateway's screen: is it logged in, and does it accept this address?"
    kind = {4001: "live", 4002: "paper", 7496: "TWS live", 7497: "TWS paper"}.get(port)
    told = f" ({port} is usual for {kind})" if kind else ""
    return f"start IB Gateway and log in; compare [broker] host and port with its Socket port{told}"


# --- whose money it is ------------------------------------------------------------------------------------------------


def _account(section: Section, asked: Asked, probe: Probe, seen: Seen) -> bool:
    try:
        account = probe.choose_account(asked.settings.broker.account)
    except ConfigError as error:
        found, _, fix = str(error).rpartition(". ")
        section.fail(ACCOUNT, found, fix)
        return False
    seen.account, seen.live = account, not account.startswith("D")
    if not seen.live:
        section.ok(ACCOUNT, f"PAPER account {account}: no real money")
    elif asked.settings.broker.allow_live:
        section.ok(ACCOUNT, f"LIVE account {account}: REAL MONEY is traded")
    else:
        section.fail(
            ACCOUNT,
            f"LIVE account {account}, and live accounts are not traded unless you say so",
            "log the gateway in to the paper account, or, if you mean it, [broker] allow_live = true",
        )
    return True


def own_account(section: Section, seen: Seen, stored: str | None) -> None:
    """The account that the books belong to is the one that the gateway is logged in to."""
    if stored and seen.account and stored != seen.account:
        section.fail(
            ACCOUNT,
            f"the gateway has account {seen.account}, and the database belongs to account {stored}",
            f"log the gateway in to {stored}, or use another database for {seen.account}",
        )


async def _cash(section: Section, asked: Asked, probe: Probe) -> None:
    try:
        account = await probe.values(asked.within(QUESTION_S))
    except BrokerUnavailable as error:
        section.fail(CASH, str(error), _RESTART)
        return
    if account is None:
        section.fail(
            CASH, "IB says that the account's values are not ready", "wait a minute; if it stays, restart IB Gateway"
        )
        return
    base = account.base_currency
    own = (
        f", base currency {base}, of which {figures.amount(account.base_cash or Decimal(0))}"
        if base
        else ", base currency USD"
    )
    found = f"{figures.usd(account.spendable)} to spend{own}"
    if account.spendable is None or account.spendable <= 0:
        section.warn(
            CASH,
            f"{found}: nothing can be bought",
            "deposit, or convert into USD at IB: nothing is bought on borrowed dollars",
        )
    else:
        section.ok(CASH, found)


# --- market data, and whether an order would be taken -----------------------------------------------------------------


async def _order(section: Section, asked: Asked, probe: Probe, seen: Seen) -> None:
    try:
        contract = await probe.contract(asked.ticker, asked.within(QUOTE_S))
        quote = await probe.quote(contract, asked.within(QUOTE_S))
    except UnknownContract as error:
        section.fail(DATA, str(error), "name another one with --ticker")
        return
    except BrokerUnavailable as error:
        section.fail(DATA, str(error), _RESTART)
        return
    _data(section, asked, quote, seen)
    await _what_if(section, asked, probe, contract, quote)


def _data(section: Section, asked: Asked, quote: Quote | NoQuote, seen: Seen) -> None:
    name = asked.ticker
    if isinstance(quote, NoQuote) and quote.code is None and not seen.exchange_open:
        section.warn(
            DATA,
            f"no price for {name}: the exchange is closed",
            "look again while it is open (weekdays from 09:30 in New York)",
        )
        return
    if isinstance(quote, NoQuote):
        why = f"{quote.text} (IB's code {quote.code})" if quote.code else "IB sends none"
        section.fail(DATA, f"no price for {name}: {why}", ib_codes.no_data(quote.code or 0))
        return
    seen.delayed = quote.delayed
    price = f"{name} bid {figures.usd(quote.bid)} ask {figures.usd(quote.ask)}"
    if quote.delayed and seen.live and not asked.settings.trading.allow_delayed_quotes:
        section.fail(
            DATA,
            f"{price}, DELAYED by some 15 minutes: a live account buys nothing on it",
            f"subscribe: {ib_codes.no_data(354)}",
        )
    elif quote.delayed:
        section.warn(DATA, f"{price}, DELAYED by some 15 minutes", f"subscribe: {ib_codes.no_data(354)}")
    elif quote.ask is None:
        section.warn(DATA, f"{price}: nobody offers it", "look again while the exchange is open")
    else:
        section.ok(DATA, f"{price}, live")


async def _what_if(section: Section, asked: Asked, probe: Probe, contract: Contract, quote: Quote | NoQuote) -> None:
    """As large as the bot's own orders are, so that a limit of the gateway's that would stop them stops it too."""
    ask = quote.ask if isinstance(quote, Quote) else None
    trading = asked.settings.trading
    amount = min(trading.defaults.buy_amount_usd, trading.max_order_value_usd)
    qty = max(Decimal(1), (amount / ask).to_integral_value("ROUND_FLOOR")) if ask else Decimal(1)
    what = f"BUY {figures.shares(qty)} {contract.ticker}"
    try:
        answer = await probe.what_if(contract, qty, asked.within(QUOTE_S))
    except BrokerSilent:
        section.fail(ORDERS, f"no answer to a what-if order ({what}): orders are swallowed", _DIALOG)
        return
    except BrokerUnavailable as error:
        section.fail(ORDERS, str(error), _RESTART)
        return
    if answer.refused is None:
        fee = f", commission {figures.usd(answer.commission)}" if answer.commission is not None else ""
        warned = f"; IB warns: {answer.warning}" if answer.warning else ""
        section.ok(ORDERS, f"IB would take {what}{fee} (a what-if order: nothing was sent){warned}")
        return
    code, text = answer.refused
    found = f"IB would not take {what}: {' '.join(text.split())} ({code})"
    if probe.read_only:
        section.fail(ORDERS, found, READ_ONLY_FIX)
    elif code == 201:
        section.warn(ORDERS, found, "deposit, or lower the amount of a buy: [trading.defaults] buy_amount_usd")
    else:
        section.fail(
            ORDERS, found, ib_codes.advice(f"IB {code}: {text}") or "look the code up in IBKR's page “Message Codes”"
        )


# --- what recovery asks for -------------------------------------------------------------------------------------------


async def _lists(section: Section, asked: Asked, probe: Probe) -> None:
    """Open orders, completed orders and executions: what is not answered holds trading back after each reconnect."""
    timeout_s = asked.within(QUESTION_S)
    questions = {
        "open orders": probe.open_orders(timeout_s),
        "completed orders": probe.completed_orders(timeout_s),
        "executions": probe.executions(timeout_s),
    }
    answers = await asyncio.gather(*questions.values(), return_exceptions=True)
    silent = [name for name, each in zip(questions, answers, strict=True) if isinstance(each, BaseException)]
    for each in answers:
        if isinstance(each, BaseException) and not isinstance(each, BrokerUnavailable):
            raise each
    if not silent:
        counts = (
            f"{len(each)} {name}"
            for name, each in zip(questions, answers, strict=True)
            if not isinstance(each, BaseException)
        )
        section.ok(LISTS, f"answered: {', '.join(counts)}")
    elif probe.read_only:
        section.fail(LISTS, f"refused as read-only: {', '.join(silent)}", READ_ONLY_FIX)
    else:
        section.fail(
            LISTS,
            f"IB does not answer the question for {' and '.join(silent)}",
            "restart IB Gateway; in Configure, API, Settings set “Send instrument-specific attributes for dual-mode API client "
            "in” to UTC",
        )
