"""What each command and each button does: ask, and answer with what came of it."""

from aiogram import Router

from tradebot.telegram.handlers import (
    buttons,
    by_hand,
    control,
    fallback,
    limits,
    looking,
    orders,
    performance,
    screens,
    tellings,
    views,
)


def routers() -> tuple[Router, Router, Router]:
    """Routers in the order in which they are asked: those free of conditions, those whose commands change something (behind
    `Idempotency`), and the fallback."""
    free = Router(name="free")
    free.include_routers(control.kill_router(), views.router(), looking.router(), orders.router())
    free.include_routers(
        performance.router(), screens.router(), by_hand.buttons(), tellings.buttons(), buttons.router()
    )
    changing = Router(name="changing")
    changing.include_routers(control.router(), by_hand.router(), limits.router(), tellings.router())
    return free, changing, fallback.router()
