"""The questions to IB that trading stands on, and which of them are not answered. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Question(StrEnum):
    """A question to IB, by the name that people read."""

    OPEN_ORDERS = "open orders"
    COMPLETED_ORDERS = "completed orders"
    EXECUTIONS = "executions"
    POSITIONS = "positions"
    ACCOUNT = "account values"


PAST = frozenset({Question.COMPLETED_ORDERS, Question.EXECUTIONS})
"""What they tell is over: while they are silent exits may leave, and nothing else."""


@dataclass(frozen=True, slots=True)
class Silent:
    """A question that IB does not answer. `empty`: its answer ends at once and holds nothing, though the books know better."""

    question: Question
    since: datetime
    empty: bool = False
