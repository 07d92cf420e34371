"""What goes wrong with the orders of a bracket, and how the market and the owner go on from there.

Each is one BUY of 10 shares at $100 with a stop at $95 and a target at $110, and what must have become of it; `bracket_drill.py`
tries them.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from tests.botapi import BotApi
from tests.system.harness import Daemon, Gateway, until

TICKER = "AAPL"
SHARES = 10
STOP_PRICE, TARGET_PRICE = Decimal(95), Decimal(110)


@dataclass(frozen=True)
class Stage:
    """Where it happens, and the bracket's alert."""

    gateway: Gateway
    daemon: Daemon
    bot: BotApi

    async def quote(self, price: int | Decimal) -> None:
        cent = Decimal("0.01")
        await self.gateway.control(
            "POST", "/quotes", symbol=TICKER, bid=str(price - cent), ask=str(price), last=str(price)
        )

    async def selling(self, order_type: str = "") -> list[dict[str, Any]]:
        """The SELL orders that live at the gateway."""
        return [one for one in await self._live("SELL") if order_type in ("", one["order_type"])]

    async def buying(self) -> list[dict[str, Any]]:
        return await self._live("BUY")

    async def _live(self, action: str) -> list[dict[str, Any]]:
        live = ("PreSubmitted", "Submitted", "PendingCancel")
        return [one for one in await self.gateway.orders() if one["action"] == action and one["status"] in live]

    async def bought(self) -> None:
        await until(self._holds, "the entry's fill")

    async def _holds(self) -> bool:
        return await self.gateway.position(TICKER) == str(SHARES)

    async def exit(self) -> int:
        return await self.daemon.alert("SELL", TICKER)


Act = Callable[[Stage], Awaitable[None]]
Faults = tuple[tuple[str, Mapping[str, Any]], ...]


@dataclass(frozen=True)
class Ends:
    """What must have become of it: at the gateway, and in what the owner was told as critical."""

    held: int = SHARES
    stop: int = SHARES  # shares that stops at work sell
    target: int = SHARES
    told: frozenset[str] = frozenset()
    lasting: bool = True
    """They are good till cancelled, each of them."""


@dataclass(frozen=True, eq=False)
class Flaw:
    """One thing that goes wrong."""

    name: str
    faults: Faults
    ends: Ends
    then: tuple[Act, ...] = ()
    """What happens when the entry has filled, one after the other."""
    waits: bool = False
    """The entry is a limit order below the market: nothing is bought at first."""
    switches: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    beyond: int = 0
    """Shares that IB sells twice, whatever the bot does."""
    last: tuple[Act, ...] = ()
    """What a person does, so that the shares can be sold."""

    def __str__(self) -> str:
        return f"bracket · {self.name}"


# --- what the market and the owner do ---------------------------------------------------------------------------------


def _market(price: int) -> Act:
    async def act(stage: Stage) -> None:
        await stage.quote(price)

    return act


async def _settled(stage: Stage) -> None:
    """Stop and target work, and the books know."""
    await until(lambda: _both_work(stage), "stop and target at work")


async def _both_work(stage: Stage) -> bool:
    return len(await stage.selling()) == 2 and not await stage.buying()


async def _target_is_filled(stage: Stage) -> None:
    await stage.quote(TARGET_PRICE + 1)
    await until(lambda: _none_left(stage, "LMT"), "the target's fill")


async def _none_left(stage: Stage, order_type: str) -> bool:
    return not await stage.selling(order_type)


async def _never_existed(stage: Stage) -> None:
    """The owner has looked in TWS, and says so by the button."""
    unknown = await stage.bot.heard(lambda sent: "it never existed" in sent.buttons)
    question = await stage.bot.pressed(unknown, "it never existed")
    await stage.bot.pressed(question, "Yes, I looked in TWS", "is FAILED")
    await until(lambda: _both_work(stage), "another stop in its place")


async def _exit(stage: Stage) -> None:
    await stage.exit()


async def _cut_off(stage: Stage) -> None:
    await stage.gateway.control("POST", "/connections/drop")


async def _cancel_asked(stage: Stage) -> None:
    """The bot has asked for the end of one of them."""
    await until(lambda: _asked(stage), "a cancel")


async def _asked(stage: Stage) -> bool:
    lines = await stage.gateway.control("GET", "/journal")
    return any(line["kind"] == "received" and line["message"] == "cancelOrder" for line in lines)


def _owner_cancels(order_type: str) -> Act:
    async def act(stage: Stage) -> None:
        for order in await stage.selling(order_type):
            await stage.gateway.control("POST", f"/orders/{order['perm_id']}/cancel")

    return act


def _told(*codes: str) -> frozenset[str]:
    return frozenset(codes)


def _of(order_type: str, name: str, **how: Any) -> Faults:
    """A fault that the bracket's stop (STP) or target (LMT) meets."""
    return ((name, {"action": "SELL", "order_type": order_type, **how}),)


_FLAT = Ends(held=0, stop=0, target=0)
_UNSEEN = {"untransmitted_listed": False, "untransmitted_stay": False}
_SEEN = {"untransmitted_listed": True, "untransmitted_stay": True}


def _lost() -> list[Flaw]:
    """Children that IB never shows, and groups of which a part arrives."""
    lost = _of("STP", "swallow")
    in_doubt = Ends(stop=0, told=_told("in_doubt", "order_unknown"))
    flaws = [
        Flaw("stop lost", lost, in_doubt, last=(_never_existed,)),
        Flaw("stop lost, entry waits", lost, _FLAT, waits=True),
        Flaw("stop denied (110)", _of("STP", "deny", code=110), Ends()),
        Flaw("line cut after the target", _of("LMT", "drop_after", filled=False), Ends()),
    ]
    for name, switches in (("unseen", _UNSEEN), ("seen", _SEEN)):
        flaws += [
            Flaw(f"target lost, and the group with it, {name}", _of("LMT", "swallow"), _FLAT, switches=switches),
            Flaw(f"line cut before the target, {name}", _of("LMT", "drop_before"), _FLAT, switches=switches),
            Flaw(f"line cut before the stop, {name}", _of("STP", "drop_before"), _FLAT, switches=switches),
        ]
    return flaws


def _rejected() -> list[Flaw]:
    twice = _of("STP", "reject", times=2)
    return [
        Flaw("stop rejected (201)", _of("STP", "reject"), Ends()),
        Flaw("stop rejected, status first", _of("STP", "reject", status_first=True), Ends()),
        Flaw("stop rejected twice", twice, Ends(stop=0, told=_told("refused"))),
        Flaw("stop rejected, entry waits", _of("STP", "reject"), _FLAT, waits=True),
        Flaw("target rejected (201)", _of("LMT", "reject"), Ends(target=0)),
        Flaw("stop ended by the exchange", _of("STP", "ended", reason="Cancelled by Exchange"), Ends()),
        Flaw("children come as DAY", _of("STP", "tif_becomes") + _of("LMT", "tif_becomes"), Ends()),
        Flaw(
            "the stop comes as DAY, again and again",
            _of("STP", "tif_becomes", times=0),
            Ends(told=_told("not_as_sent"), lasting=False),
        ),
    ]


def _filled() -> list[Flaw]:
    deaf = _of("STP", "group_ignored") + _of("LMT", "group_ignored")
    never = _of("STP", "never_triggers")
    return [
        Flaw("stop never triggers", never, Ends(told=_told("not_triggered")), then=(_settled, _market(90))),
        Flaw("stop fills in part only", _of("STP", "partial", filled=3), Ends(7, 7, 7, _told("not_triggered")),
             then=(_settled, _market(90))),
        Flaw("target filled, IB keeps the stop", deaf, _FLAT, then=(_settled, _target_is_filled)),
        Flaw("both children fill", deaf, Ends(-SHARES, 0, 0, _told("sold_beyond")),
             then=(_settled, _target_is_filled, _market(90)), beyond=SHARES),
        Flaw("the stop's fill is told by executions alone", _of("STP", "mute_status"), _FLAT, then=(_settled, _market(90))),
        Flaw("the line is cut as the stop fills", (), _FLAT, then=(_settled, _cut_off, _market(90))),
    ]  # fmt: skip


def _lifted() -> list[Flaw]:
    stuck = _told("exit_waits")
    no_word, late = _of("STP", "cancel_unanswered"), _of("STP", "cancel_unanswered", delay_s=20)
    after = {"status": "PendingCancel", "delay_s": 3}
    return [
        Flaw("the stop's cancel unanswered", no_word, Ends(target=0, told=stuck), then=(_settled, _exit, _cancel_asked),
             last=(_owner_cancels("STP"),)),
        Flaw("the target's cancel unanswered", _of("LMT", "cancel_unanswered"), Ends(told=stuck),
             then=(_settled, _exit, _cancel_asked), last=(_owner_cancels("LMT"),)),
        Flaw("the stop's cancel answered after 20 s", late, Ends(0, 0, 0, stuck), then=(_settled, _exit)),
        Flaw("the stop fills as it is cancelled", _of("STP", "fill_before_cancel"), _FLAT, then=(_settled, _exit)),
        Flaw("the stop fills after its cancel", _of("STP", "fill_after_cancel", **after), _FLAT, then=(_settled, _exit)),
        Flaw("the line is cut as the stop is cancelled", no_word, Ends(target=0, told=stuck),
             then=(_settled, _exit, _cancel_asked, _cut_off), last=(_owner_cancels("STP"),)),
    ]  # fmt: skip


def every_flaw() -> list[Flaw]:
    return [*_lost(), *_rejected(), *_filled(), *_lifted()]
