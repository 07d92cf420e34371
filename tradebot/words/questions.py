"""Which question IB does not answer, since when, what that holds up, and what to do. Pure."""

from tradebot.domain.questions import PAST, Silent
from tradebot.words.figures import local

_EXITS_ONLY = (
    "Until it does, no BUY leaves, SELLs leave where books and IB agree, and an order in doubt keeps its ticker frozen."
)
_NO_EXITS = "Until it does, SELLs wait."
_TO_DO = (
    "Restart IB Gateway; if it stays silent, set Configure, API, Settings, "
    '"Send instrument-specific attributes for dual-mode API client in" to UTC.'
)


def unanswered(silent: Silent) -> str:
    """Which question, since when, and what waits for it."""
    since = f"since {local(silent.since)}"
    if silent.empty:
        said = (
            f"IB answers the question for {silent.question} with nothing {since}, though the books have some of today: "
            "that is no answer."
        )
    else:
        said = f"IB does not answer the question for {silent.question} {since}."
    return f"{said} {holds_up(silent)}"


def holds_up(silent: Silent) -> str:
    """What waits for its answer."""
    return _EXITS_ONLY if silent.question in PAST else _NO_EXITS


def what_to_do(silent: Silent) -> str:
    forgets = " If it has forgotten the day, that ends at midnight in New York." if silent.empty else ""
    return f"{_TO_DO}{forgets}"
