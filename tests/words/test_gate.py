"""Why no order leaves, as people read it on the phone, the terminal and `/health`."""

import pytest

from tradebot.domain.gate import GateCode, GateReason
from tradebot.queries.health import Health
from tradebot.words.gate import gate_reason
from tradebot.words.health import health_parts

C = GateCode
SAID = [
    (GateReason(C.NOT_CONNECTED_YET), "IB is not connected yet."),
    (GateReason(C.DISCONNECTED, {"reason": "refused {x}"}), "IB is not connected: refused {x}"),
    (GateReason(C.UPSTREAM_LOST, {"text": "1100"}), "The gateway has lost IB's servers: 1100"),
    (GateReason(C.COMPARING), "Orders and positions are being compared with IB."),
    (GateReason(C.REFUSED, {"reason": "U1 is a live account."}), "U1 is a live account."),
    (GateReason(C.ACCOUNT_NOT_TRADED), "This account is not traded."),
    (
        GateReason(C.OTHER_ACCOUNT, {"own": "DU1", "account": "DU2"}),
        (
            "This database belongs to account DU1, the gateway is logged in to DU2. Log in to DU1, "
            "or configure another database for DU2."
        ),
    ),
    (
        GateReason(C.HOURS_ALWAYS),
        ('hours = "always" is for simulated and paper accounts: set trading.hours = "exchange" in the configuration.'),
    ),
    (
        GateReason(C.READ_ONLY),
        ("The gateway's API is read-only. In IB Gateway: Configure, API, Settings, untick Read-Only API."),
    ),
    (GateReason(C.UNKNOWN_ORDER, {"order_ref": "tb-1-a"}), "Order tb-1-a at IB is not in this database."),
    (GateReason(C.ORPHANS, {"order_refs": "tb-1-a, tb-2-b"}), "Orders of another database are at IB: tb-1-a, tb-2-b."),
    (GateReason(C.RESTART), "IB Gateway restarts about now. Orders wait and go on by themselves."),
    (
        GateReason(C.WAITING_FOR_IB, {"alerts": "58", "reason": "no quote came within 5 s"}),
        "Alerts that wait for IB's answer: 58 (no quote came within 5 s).",
    ),
]


@pytest.mark.parametrize(("reason", "sentence"), SAID)
def test_each_reason_has_its_sentence(reason: GateReason, sentence: str) -> None:
    """The owner would not read why nothing is traded, or what to do about it."""
    assert gate_reason(reason) == sentence


def test_no_code_is_without_a_sentence() -> None:
    """A closed gate whose reason cannot be said would break status, health and chat when they are needed most."""
    assert [reason.code for reason, _ in SAID] == list(GateCode)


def test_health_shows_sentences_and_leaves_the_rest() -> None:
    """`GET /health` could not be written as JSON, or would show codes to people."""
    parts: dict[str, dict[str, object]] = {
        "trading": {"ok": False, "waiting_for": [GateReason(C.COMPARING)]},
        "queue": {"ok": True, "buy": 3},
    }
    assert health_parts(Health(False, parts)) == {
        "trading": {"ok": False, "waiting_for": ["Orders and positions are being compared with IB."]},
        "queue": {"ok": True, "buy": 3},
    }


def test_a_hundred_orders_are_not_all_named() -> None:
    """After a restore the message would be a page of references."""
    refs = [f"tb-{n}-ab12cd34" for n in range(1, 101)]
    said = gate_reason(GateReason(GateCode.ORPHANS, {"order_refs": ", ".join(refs)}))
    assert said == f"Orders of another database are at IB: {', '.join(refs[:5])} and 95 more."
    few = gate_reason(GateReason(GateCode.ORPHANS, {"order_refs": ", ".join(refs[:5])}))
    assert few == f"Orders of another database are at IB: {', '.join(refs[:5])}."
