"""What each command and each button does: ask a service, say what it answered."""

from aiogram import Router

from tradebot.telegram.handlers import buttons, control, limits
from tradebot.telegram.handlers import fallback as rest
from tradebot.telegram.handlers import views as look


def routers() -> tuple[Router, Router, Router]:
    """Routers in the order in which they are asked: those free of conditions, those that act (behind `Acting`), and the rest."""
    free = Router(name="free")
    free.include_routers(control.kill_router(), look.router(), buttons.router())
    acting = Router(name="acting")
    acting.include_routers(control.router(), limits.router())
    return free, acting, rest.router()
