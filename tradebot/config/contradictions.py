"""What no key is wrong in alone: one line each, like the loader's."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from tradebot.config import channels
from tradebot.config.given import Given, shown
from tradebot.config.strategies import ANY_SIZE, NAME, RESERVED, SECTION, SIZES
from tradebot.config.values import number_in
from tradebot.domain.strategies import Sizing

_LEVELS = ("stop_loss", "take_profit", "trailing")
_EXAMPLES: Mapping[Sizing, str] = {
    Sizing.SHARES: "10",
    Sizing.EQUITY_PCT: "5",
    Sizing.RISK_USD: "100",
    Sizing.RISK_PCT: "1",
}


def contradictions(given: Given) -> list[str]:
    """What no key is wrong in alone."""
    lines = []
    mode, account = given.get("broker", "mode"), given.get("broker", "account")
    for name in ("host", "port", "client_id", "account", "allow_live"):
        if mode is None and given.get("broker", name) is not None:
            origin = given.origins[("broker", name)]
            lines.append(
                f'broker.{name} ({origin}): is set, but broker.mode is not: set mode = "gateway" to trade through an IB '
                f'Gateway, or mode = "simulated" to stay with the simulated one'
            )
    if given.get("trading", "hours") == "always" and mode == "gateway" and account and not str(account).startswith("D"):
        lines.append(
            f'trading.hours = "always" ({given.origins["trading", "hours"]}): allowed only with the simulated gateway and '
            f'paper accounts (D…), and broker.account is {account}; remove it or set "exchange"'
        )
    return [
        *lines,
        *_web(given),
        *_telegram_contradictions(given),
        *_strategies(given),
        *channels.contradictions(given),
    ]


def _web(given: Given) -> list[str]:
    """One password, which everything else there needs, and a port of its own."""
    password, hashed = (given.get("web", name) for name in ("password", "password_hash"))
    if password is None and hashed is None:
        if given.get("web", "metrics_token") is None:
            return []
        return [
            f"web.metrics_token ({given.origins['web', 'metrics_token']}): opens nothing, for without web.password or"
            " web.password_hash the second listener is off: set one, or take it out"
        ]
    lines = []
    if password is not None and hashed is not None:
        lines.append(
            f"web.password_hash ({given.origins['web', 'password_hash']}): is set beside web.password: take one of the two out"
        )
    port = given.get("web", "port")
    if port not in (None, 0) and str(port) == str(given.get("webhook", "port") or 8000):
        lines.append(
            f"web.port = {port} ({given.origins['web', 'port']}): is the webhook's too: what people see and where alerts come in"
            " are two doors; give each its own port"
        )
    return lines


def _telegram_contradictions(given: Given) -> list[str]:
    has = {name: given.get("telegram", name) not in (None, [], "") for name in ("bot_token", "chat_id", "user_ids")}
    if not any(has.values()):
        return []
    needed = ["bot_token", "chat_id"]
    if str(given.get("telegram", "chat_id")).startswith("-"):
        needed.append("user_ids")
    reasons = {
        "bot_token": "without the token from @BotFather no message is sent and no command is taken",
        "chat_id": "it is the only chat the bot talks to",
        "user_ids": "in a group everybody could command the bot",
    }
    there = " and ".join(f"telegram.{name}" for name, holds in has.items() if holds)
    return [
        f"telegram.{name}: is missing while {there} {'are' if ' and ' in there else 'is'} set: {reasons[name]}"
        for name in needed
        if not has[name]
    ]


def _strategies(given: Given) -> list[str]:
    lines, variables = [], dict[str, str]()
    for name in given.strategies():
        where = f"{SECTION}.{name}"
        origin = given.origin(SECTION, name)
        if not NAME.fullmatch(name):
            lines.append(
                f"{where} ({origin}): is no name of a strategy: it begins with a small letter, then come small letters, "
                "digits, _ and -, 32 at most"
            )
        elif name in RESERVED:
            lines.append(f'{where} ({origin}): "{name}" stands for all strategies together: choose another name')
        elif twin := variables.get(name.replace("-", "_")):
            lines.append(f"{where} ({origin}): has the same variables as {SECTION}.{twin}: choose another name")
        variables[name.replace("-", "_")] = name
        lines += [*_sizes(given, where, name), *_orders(given, where, name), *_exits(given, where, name)]
    return lines


def _orders(given: Given, where: str, name: str) -> list[str]:
    """How long a market order waits is nothing to set."""
    if given.get(SECTION, name, "orders") not in (None, "market"):
        return []
    return [
        f"{where}.{key} ({given.origins[SECTION, name, key]}): is of orders that wait for a price, and {where} places market "
        f'orders: set orders = "alert" or "limit", or take {key} out'
        for key, default in (("tif", "DAY"), ("good_for_s", None), ("on_new_signal", "refuse"))
        if given.get(SECTION, name, key) not in (None, default)
    ]


def _exits(given: Given, where: str, name: str) -> list[str]:
    """One stop a position; and what needs a stop has one."""
    said = {key: given.get(SECTION, name, key) for key in ("exits", *_LEVELS, "break_even_after")}
    there = [key for key in _LEVELS if said[key] is not None]
    lines = []
    if said["exits"] == "none" and there:
        key = there[0]
        lines.append(
            f'{where}.{key} ({given.origins[SECTION, name, key]}): is set, but exits = "none": take exits out to have it '
            f'placed with every buy, or set exits = "alert" to have it where the alert says nothing'
        )
    if said["stop_loss"] is not None and said["trailing"] is not None:
        lines.append(
            f"{where}.trailing ({given.origins[SECTION, name, 'trailing']}): is set beside {where}.stop_loss, and one stop "
            "protects a position: take one of the two out"
        )
    even = given.origins.get((SECTION, name, "break_even_after"))
    if said["break_even_after"] is None:
        return lines
    if said["trailing"] is not None:
        lines.append(
            f"{where}.break_even_after ({even}): moves a stop that stays, and {where}.trailing follows the price by itself: take "
            "one of the two out"
        )
    elif said["stop_loss"] is None and said["exits"] != "alert":
        lines.append(
            f'{where}.break_even_after ({even}): moves a stop, and there is none: set stop_loss = "5%" for instance'
        )
    return lines


def _sizes(given: Given, where: str, name: str) -> list[str]:
    """How a size and what it counts agree; an unknown sizing is reported as the key's own mistake."""
    asked, size = given.get(SECTION, name, "sizing"), given.get(SECTION, name, "size")
    if asked is not None and asked not in list(Sizing):
        return []
    sizing = Sizing(str(asked)) if asked is not None else Sizing.USD
    if size is None:
        if sizing in (Sizing.USD, Sizing.ALERT):
            return []
        return [
            f'{where}.size: is missing while {where}.sizing is "{sizing}": set size = {_EXAMPLES[sizing]} for instance'
        ]
    origin = given.origins[SECTION, name, "size"]
    if sizing is Sizing.ALERT:
        return [
            f'{where}.size ({origin}): is set, but sizing = "alert" takes every size from the alert: take size out, or set '
            "another sizing"
        ]
    lines = []
    if sizing is Sizing.USD and given.get(SECTION, name, "buy_amount_usd") is not None:
        lines.append(
            f'{where}.size ({origin}): is the same as {where}.buy_amount_usd under sizing = "usd": set one of the two'
        )
    if _refusal(number_in(*ANY_SIZE), size) is None and (narrow := _refusal(number_in(*SIZES[sizing]), size)):
        lines.append(f'{where}.size = {shown(size)} ({origin}): under sizing = "{sizing}" {narrow}')
    return lines


def _refusal(check: Callable[[object], Decimal], value: object) -> str | None:
    try:
        check(value)
    except ValueError as error:
        return str(error)
    return None
