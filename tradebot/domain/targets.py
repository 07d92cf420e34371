"""A sender's position against the books of its strategy: what is reached already, and what is missing between the two. Pure.

Rules: only the side is compared, for the sender's sizes are of another account. A gap changes nothing about what the alert asks
for: it is told, and the alert goes on by its target.
"""

from dataclasses import dataclass
from decimal import Decimal

from tradebot.domain.instructions import Instruction, PositionTarget, Target, Verb


@dataclass(frozen=True, slots=True)
class Gap:
    """The sender's position before its alert, and the books of the strategy: an alert between the two is missing."""

    believed: Decimal | None  # the sender's shares, 0 for flat; None: it held some, and does not say how many
    held: Decimal  # in the books


def gap(target: PositionTarget | None, held: Decimal) -> Gap | None:
    """None where both held something, or both nothing, or where the sender does not say."""
    if target is None or target.previous is None:
        return None
    long_before = target.previous is Target.LONG
    if long_before == (held > 0):
        return None
    return Gap(target.previous_size if long_before else Decimal(0), held)


def reached(instruction: Instruction | None, held: Decimal) -> bool:
    """Whether there is nothing to trade, for its target is there already."""
    target = instruction.target if instruction is not None else None
    if instruction is None or target is None or instruction.verb is Verb.ADD:
        return False
    if target.side is not Target.LONG:
        return held == 0
    return target.repeats or (instruction.verb is Verb.BUY and not target.reduces and held > 0 and not target.grows)
