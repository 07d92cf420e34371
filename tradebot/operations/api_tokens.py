"""A person gives out tokens of the API, and takes them back. Only what is needed to know one again is stored, never the token."""

from datetime import datetime, timedelta

from tradebot.domain.api_access import ApiToken, Scope
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.daemon import ApiTokenChanged
from tradebot.ports import Ledger

DAYS_MAX = 3650


async def make(
    ledger: Ledger, token_id: str, name: str, scope: Scope, *, actor: str, now: datetime, lasts: timedelta
) -> ApiToken:
    """Raises LedgerUnavailable."""
    token = ApiToken(token_id, name, scope, now.replace(microsecond=0), actor, (now + lasts).replace(microsecond=0))
    async with ledger.begin() as books:
        await books.add_token(token)
        await books.add_event(NewEvent(ApiTokenChanged(token.id, name, scope, revoked=False), now, actor=actor))
    return token


async def revoke(ledger: Ledger, token_id: str, *, actor: str, now: datetime) -> ApiToken | None:
    """From the next request on it opens nothing. None: there is none of this id that was good. Raises LedgerUnavailable."""
    async with ledger.begin() as books:
        token = await books.token(token_id)
        if token is None or not await books.revoke_token(token_id, now):
            return None
        facts = ApiTokenChanged(token.id, token.label, token.scope, revoked=True)
        await books.add_event(NewEvent(facts, now, actor=actor))
    return token
