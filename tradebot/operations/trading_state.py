"""Pause, resume and kill from beside the daemon: stored in its database, which it reads in every decision and once a second."""

from datetime import datetime

from tradebot.domain.settings import TradingState
from tradebot.ports import Ledger
from tradebot.trading.switch import store_state


async def kill(ledger: Ledger, actor: str, key: str, now: datetime) -> TradingState:
    """Raises LedgerUnavailable: then nothing has changed."""
    return await store_state(ledger, TradingState.KILLED, actor, now, key=key)


async def pause(ledger: Ledger, actor: str, key: str, now: datetime) -> TradingState:
    """The state stored then: KILLED stays KILLED. Raises LedgerUnavailable."""
    return await store_state(ledger, TradingState.PAUSED, actor, now, key=key, keep_killed=True)


async def resume(
    ledger: Ledger, actor: str, key: str, now: datetime, to: TradingState = TradingState.RUNNING, *, lift_kill: bool
) -> TradingState:
    """The state stored then; KILLED is lifted only with `lift_kill`. Raises LedgerUnavailable."""
    return await store_state(ledger, to, actor, now, key=key, lift_kill=lift_kill)
