"""What every section of the configuration is made of."""

from pydantic import BaseModel, BeforeValidator, ConfigDict

from tradebot.config.values import number, whole
from tradebot.domain.limits import is_count, limit_range


class Section(BaseModel):
    """Mistakes are never shown with pydantic's own words: those repeat the value, secrets included."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def limit(name: str) -> BeforeValidator:
    """A limit of the owner's, in the range that the chat allows for it."""
    low, high = limit_range(name)
    return whole(int(low), int(high)) if is_count(name) else number(low, high)
