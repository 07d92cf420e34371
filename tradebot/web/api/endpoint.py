"""What an endpoint is: one row says its address, who may, what it takes and what it answers. It is served by it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from tradebot.domain.api_access import ApiToken, Scope
from tradebot.web.ground import Ground

PREFIX = "/api/v1"


class Given(BaseModel):
    """What a client gives: a name that is not known is a mistake, as in the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Nothing(Given):
    """No parameter, or an empty body."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose sender, parameters and body are known to be good."""

    ground: Ground
    token: ApiToken
    path: dict[str, str]
    query: Any  # an instance of the endpoint's model
    body: Any
    key: str  # for the operation: of one kind, whoever else uses the client's own key
    first_at: datetime | None = None  # it was asked before under this key, and what came of it is not known

    @property
    def actor(self) -> str:
        return f"{self.token.label} (API token {self.token.id})"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`needs_key`: whether the same request again must be known as the same one. `at_once`: waits for nothing, see `access`."""

    method: str
    path: str  # below PREFIX
    scope: Scope
    summary: str
    act: Callable[[Asked], Awaitable[BaseModel]]
    answer: type[BaseModel]
    tag: str
    query: type[Given] = Nothing
    body: type[Given] | None = None
    needs_key: bool = False
    at_once: bool = False
    names: Sequence[str] = ()  # what {name} may be, where there are only these
    refusals: Sequence[int] = field(default=())  # beyond those that every endpoint has

    @property
    def reads(self) -> bool:
        return self.method == "GET"
