"""Values as the sender of an alert wrote them, for answers, logs and messages. Pure."""

import json


def shown(value: object) -> str:
    """Short, and in ASCII."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 40 else f"{text[:37]}…"
