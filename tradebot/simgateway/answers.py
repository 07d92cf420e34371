"""What may stand between a question and its answer: a fault, or the gateway's own lost link to IB."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from loguru import logger

from tradebot.simgateway.faults import QUESTIONS
from tradebot.simgateway.requests import Request

if TYPE_CHECKING:
    from tradebot.simgateway.gateway import Gateway
    from tradebot.simgateway.session import Session


def answer(gateway: Gateway, session: Session, request: Request, act: Callable[[], None]) -> None:
    """Do ``act``, which answers the request; or later, without its end, or not at all."""
    if gateway.upstream.stops(request, act):
        return
    if request.name not in QUESTIONS:
        act()
        return
    end = QUESTIONS[request.name] if request.name != "reqMktData" or request.flag("snapshot") else None
    plan = gateway.faults.question(request.name, session.client_id, ends=end is not None)
    if plan:
        logger.info("simulated gateway: client {}: {} meets {}", session.client_id, request.name, plan)
    if "drop_question" in plan:
        session.abort()
    elif "no_answer" in plan:
        return
    elif slow := plan.get("slow_answer"):
        gateway.later(slow["delay_s"], _speak, session, act, end if "no_end" in plan else None)
    else:
        _speak(session, act, end if "no_end" in plan else None)


def _speak(session: Session, act: Callable[[], None], withheld: int | None) -> None:
    if withheld is None:
        act()
        return
    with session.withholding(withheld):
        act()
