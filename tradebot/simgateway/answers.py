"""What may stand between a request and its answer: a fault, or the gateway's own lost link to IB."""

from __future__ import annotations

from collections.abc import Callable

from loguru import logger

from tradebot.simgateway.faults import QUESTIONS, Faults, Plan
from tradebot.simgateway.replies import Fields
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
        if request.name == "reqHistoricalData":
            session.subscriptions.histories.add(request.integer("reqId"))
        end = QUESTIONS[request.name] if request.name != "reqMktData" or request.flag("snapshot") else None
        plan = self._faults.question(request.name, session.client_id, ends=end is not None)
        if plan:
            logger.info("simulated gateway: client {}: {} meets {}", session.client_id, request.name, plan)
        if "drop_question" in plan:
            session.abort()
        elif "no_answer" in plan:
            return
        elif slow := plan.get("slow_answer"):
            self._later(slow["delay_s"], _answer, session, act, plan, str(end))
        else:
            _answer(session, act, plan, str(end))


def _answer(session: Session, act: Callable[[], None], plan: Plan, end: str) -> None:
    """Answer without what the faults keep back; ``end`` is the number of the message that ends the answer."""

    def kept_back(fields: Fields) -> bool:
        if fields[0] == end:
            return "no_end" in plan
        return "empty_answer" in plan or ("leave_out" in plan and plan["leave_out"]["symbol"] in fields)

    with session.withholding(kept_back):
        act()
