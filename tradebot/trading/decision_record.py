"""A decision as it is stored with its order, and as it is logged."""

from collections.abc import Mapping
from datetime import datetime

from loguru import logger

from tradebot.domain.risk import Check, RiskDecision


def log_checks(risk_decision: RiskDecision) -> None:
    logger.debug("checks: {}", ", ".join(map(_outcome, risk_decision.checks)))


def _outcome(check: Check) -> str:
    if check.refusal is None:
        return f"{check.name} passed"
    of = f" of {check.strategy}" if check.strategy is not None else ""
    return f"{check.name}{of} refused ({' '.join(f'{name}={fact}' for name, fact in check.refusal.facts.items())})"


def stored_check(check: Check) -> dict[str, object]:
    """As it is stored: `code` is None where the check passed."""
    refusal = check.refusal
    facts = dict(refusal.facts) if refusal else {}
    stored: dict[str, object] = {"name": check.name, "code": refusal and refusal.code, "facts": facts}
    return stored if check.strategy is None else {**stored, "strategy": check.strategy}


def plain_json(value: Mapping[str, object]) -> dict[str, object]:
    """Nested dataclasses and Decimals as plain JSON: what was known is kept exactly as figures in text."""
    return {str(name): _plain(one) for name, one in value.items()}


def _plain(value: object) -> object:
    match value:
        case None | bool() | int() | str():
            return value
        case dict():
            return plain_json(value)
        case list() | tuple():
            return [_plain(one) for one in value]
        case frozenset():
            return sorted(map(_plain, value))  # type: ignore[type-var]
        case datetime():
            return value.isoformat()
    names = getattr(value, "__dataclass_fields__", None)
    return str(value) if names is None else {name: _plain(getattr(value, name)) for name in names}
