"""What a program of the owner's has: a token, and an address below which everything is."""

from datetime import timedelta

from tests.adapters.web.conftest import KEY, Site
from tradebot.domain.api_access import ApiToken, Scope
from tradebot.operations import api_tokens
from tradebot.web.tokens import signed

API = "/api/v1"


async def a_token(site: Site, scope: Scope = Scope.READ, *, lasts: timedelta = timedelta(days=1)) -> ApiToken:
    bot = site.bot
    return await api_tokens.make(
        bot.ledger, f"{scope}-1", "my script", scope, actor="Ann", now=bot.clock.now(), lasts=lasts
    )


async def bearer(site: Site, scope: Scope = Scope.READ) -> dict[str, str]:
    return {"Authorization": f"Bearer {signed(await a_token(site, scope), KEY)}"}


def once(headers: dict[str, str], key: str) -> dict[str, str]:
    return {**headers, "Idempotency-Key": key}
