"""The gate on its own: who holds it, and what it says of that."""

from tradebot.trading.gate import Gate, GateCode, GateReason


def test_it_opens_when_nobody_holds_it_any_more() -> None:
    """One who is content would open the gate that another still holds."""
    gate = Gate()
    gate.close("recovery", GateReason(GateCode.COMPARING))
    gate.close("restart", GateReason(GateCode.RESTART))
    gate.open("recovery")
    assert not gate.is_open
    assert gate.reasons == (GateReason(GateCode.RESTART),)
    gate.open("restart")
    assert gate.is_open


def test_each_closing_begins_a_generation() -> None:
    """An order decided before a break would leave after it."""
    gate = Gate()
    for number in (1, 2):
        gate.close("recovery", GateReason(GateCode.COMPARING))
        assert gate.generation == number
    gate.open("recovery")
    assert gate.generation == 2


def test_a_reason_in_the_log_names_its_code_and_facts() -> None:
    """The log would not say why orders wait."""
    assert str(GateReason(GateCode.RESTART)) == "restart"
    assert str(GateReason(GateCode.DISCONNECTED, {"reason": "refused"})) == "disconnected (reason=refused)"
