"""The arithmetic of a quantity in words: what was asked for, what that comes to, and which limit left less of it. Pure.

Rules: facts are `sizing.Sized.facts`, from the domain or from a stored event or decision, where a Decimal has become text.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tradebot.domain.instructions import SizeKind
from tradebot.words.figures import price, shares, usd

_NAMES: Mapping[str, str] = {"min_cash_reserve": "cash, less min_cash_reserve"}
"""What is not clear by the limit's name alone."""


def asked_for(facts: Mapping[str, Any]) -> str:
    """`40 shares`, `$500.00 at $227.45`, `2% of $100,000.00 at $227.45`, `50% of 6 held`."""
    kind, value = SizeKind(facts["size_kind"]), Decimal(facts["size_value"])
    base, at = facts.get("base"), facts.get("price")
    match kind:
        case SizeKind.SHARES:
            return f"{shares(value)} {'share' if value == 1 else 'shares'}"
        case SizeKind.POSITION_PCT:
            return f"{shares(round(value, 2))}% of {shares(Decimal(base or 0))} held"
        case SizeKind.USD | SizeKind.RISK_USD:
            amount = usd(value)
        case _:
            amount = f"{shares(value)}% of {usd(Decimal(base or 0))}"
    lost = f" lost from {price(Decimal(at))} to {price(Decimal(facts['stop']))}" if at and facts.get("stop") else ""
    return f"{amount}{lost}" if lost or at is None else f"{amount} at {price(Decimal(at))}"


def arithmetic(facts: Mapping[str, Any]) -> str:
    """`asked 40 shares, 25 by max_order_value_usd ($5,690.00 left)`."""
    asked, sized = Decimal(facts["asked"]), Decimal(facts["sized"])
    text = f"asked {asked_for(facts)}"
    is_count = facts["size_kind"] == SizeKind.SHARES and Decimal(facts["size_value"]) == asked
    if not is_count:
        text += f" = {shares(asked)}"
    if (limit := facts.get("lowered_by")) is not None:
        of = f" of strategy {facts['strategy']}" if "strategy" in facts else ""
        return f"{text}, {shares(sized)} by {_NAMES.get(limit, limit)}{of} ({_left(Decimal(facts['room']))} left)"
    return text if sized == asked else f"{text}, {shares(sized)} are held"


def _left(room: Decimal) -> str:
    """More may be used than a limit admits that was lowered since."""
    return usd(room) if room > 0 else "nothing"


def is_worth_telling(facts: Mapping[str, Any]) -> bool:
    """What the owner's own amount in USD comes to, he is told with every fill."""
    return bool(facts) and (facts["size_kind"] != SizeKind.USD or "lowered_by" in facts)
