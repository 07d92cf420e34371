"""Why an alert was refused, in words. Pure."""

from collections.abc import Mapping

from tradebot.domain.events import Fact

_TITLES = {"superseded": "superseded by a SELL"}


def refusal(code: str, facts: Mapping[str, Fact]) -> str:
    """The reason, as the rest of a sentence."""
    match code, facts:
        case "nothing_held", {"ticker": ticker}:
            return f"the bot holds no {ticker}, and your own shares are never touched"
        case "superseded", {"by_alert": by}:
            return f"superseded by SELL {by}"
        case "nothing_to_sell", {"ticker": ticker, "held": held, "at_ib": at_ib, "selling": selling}:
            return (
                f"the books hold {held} {ticker}, IB shows {at_ib} with {selling} already being sold: "
                "nothing is left to sell without going short. Compare with TWS"
            )
    return str(facts.get("reason", title(code)))


def title(code: str) -> str:
    """The rule that refused, without figures."""
    return _TITLES.get(code, code.replace("_", " "))
