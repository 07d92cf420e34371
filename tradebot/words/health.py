"""The state of each part as `GET /health` shows it. Pure."""

from collections.abc import Mapping
from datetime import datetime

from tradebot.domain.gate import GateReason
from tradebot.domain.questions import Silent
from tradebot.queries.health import Health
from tradebot.words.figures import local, seconds
from tradebot.words.gate import gate_reason
from tradebot.words.questions import unanswered, what_to_do


def health_parts(health: Health) -> dict[str, dict[str, object]]:
    """Every part, with the gate's reasons and unanswered questions as sentences and times as people say them."""
    return {name: _part(part) for name, part in health.parts.items()}


def _part(part: Mapping[str, object]) -> dict[str, object]:
    shown = {key: _sentences(value) for key, value in part.items()}
    if isinstance(since := shown.pop("untold_since", None), str):
        shown["error"] = f"what is critical has reached nobody since {local(datetime.fromisoformat(since))}"
    if isinstance(uptime_s := shown.pop("uptime_s", None), float):
        shown["uptime"] = seconds(uptime_s)
    return shown


def _sentences(value: object) -> object:
    return [_sentence(each) for each in value] if isinstance(value, list) else value


def _sentence(each: object) -> object:
    match each:
        case GateReason():
            return gate_reason(each)
        case Silent():
            return f"{unanswered(each)} {what_to_do(each)}"
    return each
