"""Why no order leaves, in plain words. Pure."""

from collections.abc import Sequence

from tradebot.domain.gate import GateCode, GateReason

SENTENCES = {
    GateCode.NOT_CONNECTED_YET: "IB is not connected yet.",
    GateCode.DISCONNECTED: "IB is not connected: {reason}",
    GateCode.UPSTREAM_LOST: "The gateway has lost IB's servers: {text}",
    GateCode.COMPARING: "Orders and positions are being compared with IB.",
    GateCode.REFUSED: "{reason}",
    GateCode.ACCOUNT_NOT_TRADED: "This account is not traded.",
    GateCode.OTHER_ACCOUNT: (
        "This database belongs to account {own}, the gateway is logged in to {account}. Log in to {own}, "
        "or configure another database for {account}."
    ),
    GateCode.HOURS_ALWAYS: (
        'hours = "always" is for simulated and paper accounts: set trading.hours = "exchange" in the configuration.'
    ),
    GateCode.READ_ONLY: (
        "The gateway's API is read-only. In IB Gateway: Configure, API, Settings, untick Read-Only API."
    ),
    GateCode.UNKNOWN_ORDER: "Order {order_ref} at IB is not in this database.",
    GateCode.ORPHANS: "Orders of another database are at IB: {order_refs}.",
    GateCode.RESTART: "IB Gateway restarts about now. Orders wait and go on by themselves.",
    GateCode.WAITING_FOR_IB: "Alerts that wait for IB's answer: {alerts} ({reason}).",
}


NAMED_MAX = 5
"""Orders that are named; a day after a restore may have a hundred."""


def gate_reason(reason: GateReason) -> str:
    facts = dict(reason.facts)
    if reason.code is GateCode.ORPHANS:
        facts["order_refs"] = few(str(facts["order_refs"]).split(", "))
    return SENTENCES[reason.code].format_map(facts)


def few(names: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(names) - NAMED_MAX
    return ", ".join(names[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")
