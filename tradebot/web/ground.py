"""What the parts of the second listener stand on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tradebot.operations.operations import Operations
from tradebot.ports import Chance, Clock
from tradebot.queries.daemon import DaemonQueries
from tradebot.trading.booking import Listeners


@dataclass(frozen=True, slots=True)
class WebOptions:
    """Who may look. One of `password` and `password_hash` (argon2id) is set. `hosts`: names beside localhost and its address."""

    password: str | None = field(default=None, repr=False)
    password_hash: str | None = field(default=None, repr=False)
    metrics_token: str | None = field(default=None, repr=False)  # None: there are no metrics
    api_key: str = field(default="", repr=False)  # what the API's tokens are signed with
    hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ground:
    """The bot as its users may know and steer it, and what was configured of the listener."""

    options: WebOptions
    operations: Operations
    queries: DaemonQueries
    clock: Clock
    listeners: Listeners
    chance: Chance
    crons: Mapping[str, str]  # each job's line, by its name
