"""The state of each part as `GET /health` shows it. Pure."""

from collections.abc import Mapping

from tradebot.domain.gate import GateReason
from tradebot.queries.health import Health
from tradebot.words.figures import seconds
from tradebot.words.gate import gate_reason


def health_parts(health: Health) -> dict[str, dict[str, object]]:
    """Every part, with the gate's reasons (`waiting_for`) as sentences and times as people say them."""
    return {name: _part(part) for name, part in health.parts.items()}


def _part(part: Mapping[str, object]) -> dict[str, object]:
    shown = {key: _sentences(value) if key == "waiting_for" else value for key, value in part.items()}
    if isinstance(uptime_s := shown.pop("uptime_s", None), float):
        shown["uptime"] = seconds(uptime_s)
    return shown


def _sentences(reasons: object) -> object:
    if not isinstance(reasons, list):
        return reasons
    return [gate_reason(reason) if isinstance(reason, GateReason) else reason for reason in reasons]
