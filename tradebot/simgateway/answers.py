"""What may stand between a request and its answer: a fault, or the gateway's own lost link to IB."""

from __future__ import annotations

from collections.abc import Callable

from loguru import logger

from tradebot.simgateway.faults import QUESTIONS, Faults
from tradebot.simgateway.requests import Request
from tradebot.simgateway.session import Session
from tradebot.simgateway.upstream import Upstream


class Answers:
    """Lets each request be answered now, later, without the end of its answer, or never."""

    def __init__(self, upstream: Upstream, faults: Faults, later: Callable[..., None]) -> None:
        self._upstream, self._faults, self._later = upstream, faults, later

    def give(self, session: Session, request: Request, act: Callable[[], None]) -> None:
        """Let ``act`` answer the request, unless something stands in between."""
        if self._upstream.stops(request, act):
            return
        if request.name not in QUESTIONS:
            act()
            return
        end = QUESTIONS[request.name] if request.name != "reqMktData" or request.flag("snapshot") else None
        plan = self._faults.question(request.name, session.client_id, ends=end is not None)
        if plan:
            logger.info("simulated gateway: client {}: {} meets {}", session.client_id, request.name, plan)
        if "drop_question" in plan:
            session.abort()
        elif "no_answer" in plan:
            return
        elif slow := plan.get("slow_answer"):
            self._later(slow["delay_s"], _answer, session, act, end if "no_end" in plan else None)
        else:
            _answer(session, act, end if "no_end" in plan else None)


def _answer(session: Session, act: Callable[[], None], withheld: int | None) -> None:
    if withheld is None:
        act()
        return
    with session.withholding(withheld):
        act()
