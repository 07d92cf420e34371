"""From a ticker to the one contract that is meant.

Rules:
- US stocks in USD only, routed by SMART, told apart by primary exchange. One symbol may be several companies' (one of them
  listed in Toronto or over the counter): the hint from the alert's prefix decides; where it does not, nothing is traded.
- A single US candidate is taken whatever the hint says: TradingView files NYSE Arca's funds under AMEX.
- What was found once holds for the connection: a reverse split, or a rename, gives a symbol another contract over night.
"""

from collections.abc import Iterable, Mapping

import ib_async

from tradebot.broker.translate import decimal
from tradebot.domain.brokerage import Contract
from tradebot.domain.terms import PriceSteps
from tradebot.errors import UnknownContract

US_EXCHANGES = frozenset({"NASDAQ", "NYSE", "AMEX", "ARCA", "BATS", "CBOE", "IEX"})
_SAME_VENUE = {"ISLAND": "NASDAQ"}
_HINTS: Mapping[str, frozenset[str]] = {
    "NASDAQ": frozenset({"NASDAQ"}),
    "NYSE": frozenset({"NYSE"}),
    "AMEX": frozenset({"AMEX", "ARCA"}),
    "NYSEARCA": frozenset({"ARCA"}),
    "BATS": frozenset({"BATS", "CBOE"}),
    "CBOE": frozenset({"CBOE", "BATS"}),
}


def stock(ticker: str) -> ib_async.Contract:
    """What IB is asked for: every stock of that symbol in USD."""
    return ib_async.Contract(secType="STK", symbol=ticker, exchange="SMART", currency="USD")


def choose(ticker: str, hint: str | None, details: Iterable[ib_async.ContractDetails]) -> Contract:
    """The contract meant by ticker and hint. Raises UnknownContract naming the candidates."""
    candidates = {found.con_id: found for each in details if (found := _us_stock(ticker, each.contract))}
    if not candidates:
        raise UnknownContract(f"IB knows no US stock {ticker}: check the ticker in the alert")
    meant = list(candidates.values())
    if len(meant) > 1 and hint:
        venues = _HINTS.get(hint, frozenset({_venue(hint)}))
        meant = [each for each in meant if each.primary_exchange in venues]
    if len(meant) == 1:
        return meant[0]
    names = ", ".join(f"{each.primary_exchange} (contract {each.con_id})" for each in candidates.values())
    why = f"the alert's exchange {hint} does not tell which" if hint else "the alert names no exchange"
    raise UnknownContract(
        f"{ticker} is more than one US stock at IB: {names}; {why}. Put the exchange before the ticker."
    )


def market_rule(contract: Contract, details: Iterable[ib_async.ContractDetails]) -> int | None:
    """The number of the rule that SMART's prices of this contract follow; None where IB does not say."""
    for each in details:
        if each.contract is None or each.contract.conId != contract.con_id:
            continue
        rules = dict(zip(each.validExchanges.split(","), each.marketRuleIds.split(","), strict=False))
        if (rule := rules.get("SMART", "")).isdecimal():
            return int(rule)
    return None


def industry(contract: Contract, details: Iterable[ib_async.ContractDetails]) -> str:
    """IB's word for what the company does ("Technology"), an ETF's is "Funds"; empty where IB has none."""
    told = (each.industry for each in details if each.contract is not None and each.contract.conId == contract.con_id)
    return next((name.strip() for name in told if name.strip()), "")


def rule_name(rule: int) -> str:
    """Under which its answer is waited for."""
    return f"the price steps of market rule {rule}"


def steps(told: Iterable[ib_async.PriceIncrement]) -> PriceSteps | None:
    """None for what is no rule: without a step, or without one for every price."""
    found = sorted((decimal(one.lowEdge), decimal(one.increment)) for one in told)
    known = [(edge, step) for edge, step in found if edge is not None and step is not None and step > 0]
    return PriceSteps(tuple(known)) if known and len(known) == len(found) and known[0][0] <= 0 else None


def _us_stock(ticker: str, contract: ib_async.Contract | None) -> Contract | None:
    if contract is None or contract.secType != "STK" or contract.currency != "USD" or contract.symbol != ticker:
        return None
    venue = _venue(contract.primaryExchange)
    return Contract(contract.conId, contract.symbol, venue) if venue in US_EXCHANGES else None


def _venue(exchange: str) -> str:
    """IB also writes NASDAQ.NMS and NASDAQ.SCM."""
    name = exchange.partition(".")[0]
    return _SAME_VENUE.get(name, name)
