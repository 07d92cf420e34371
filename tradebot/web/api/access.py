"""Who asks the API, and how often. A token that is good has a rate of its own, whatever strangers at the same address do.

Rules: the kill switch waits for nothing. Its token is believed by its signature where the database does not answer at once, and
no rate holds it up: at worst somebody whose token was revoked stops trading.
"""

import asyncio
import math
from http import HTTPStatus

from aiohttp import web

from tradebot.domain.api_access import ApiToken, Scope
from tradebot.errors import LedgerUnavailable
from tradebot.listener.callers import Buckets, household
from tradebot.queries.api_tokens import api_token
from tradebot.web.ground import Ground
from tradebot.web.guard import ACTOR, CLIENT, Handler
from tradebot.web.problems import Problem
from tradebot.web.tokens import Claims, NoToken, check_stored, claims_of, ready

TOKEN_BURST, TOKEN_PER_S = 120, 10
STRANGERS_BURST, STRANGERS_PER_S = 20, 0.2
OPEN_BURST, OPEN_PER_S = 60, 1
AT_ONCE_S = 0.5


class Access:
    """Of one listener."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._tokens = Buckets(TOKEN_BURST, TOKEN_PER_S)
        self._strangers = Buckets(STRANGERS_BURST, STRANGERS_PER_S)
        self._open = Buckets(OPEN_BURST, OPEN_PER_S)

    def anybody(self, handler: Handler) -> Handler:
        """What needs no token, so many times from one address."""

        async def limited(request: web.Request) -> web.StreamResponse:
            self._limit(self._open, household(request[CLIENT]))
            return await handler(request)

        return limited

    async def admit(self, request: web.Request, scope: Scope, *, at_once: bool = False) -> ApiToken:
        """Raises Problem: 401, 403, 429."""
        try:
            token = await self._known(request, at_once=at_once)
        except NoToken as why:
            self._limit(self._strangers, household(request[CLIENT]))
            challenge = 'Bearer realm="tradebot", error="invalid_token"'
            raise Problem(HTTPStatus.UNAUTHORIZED, str(why), headers={"WWW-Authenticate": challenge}) from None
        request[ACTOR] = f"token {token.id}"
        if not at_once:
            self._limit(self._tokens, token.id)
        if not token.scope.includes(scope):
            challenge = f'Bearer realm="tradebot", error="insufficient_scope", scope="{scope}"'
            raise Problem(
                HTTPStatus.FORBIDDEN,
                f"This needs a token with scope {scope}; this one has {token.scope}.",
                headers={"WWW-Authenticate": challenge},
            )
        return token

    async def _known(self, request: web.Request, *, at_once: bool) -> ApiToken:
        """Raises NoToken, LedgerUnavailable."""
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not given:
            raise NoToken("Send a token: `Authorization: Bearer …`. `tradebot token` makes one.")
        await ready()
        now, ledger = self._ground.clock.now(), self._ground.queries.ledger
        claims = claims_of(given.strip(), self._ground.options.api_key, now)
        try:
            async with asyncio.timeout(AT_ONCE_S if at_once else None):
                stored = await api_token(ledger, claims.id)
        except (LedgerUnavailable, TimeoutError):
            if not at_once:
                raise
            return _as_it_says(claims, self._ground)
        check_stored(claims, stored, now)
        assert stored is not None, "checked"
        return stored

    @staticmethod
    def _limit(buckets: Buckets, whose: str) -> None:
        now = asyncio.get_running_loop().time()
        if not buckets.take(whose, now):
            wait_s = max(1, math.ceil(buckets.wait_s(whose, now)))
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"Too many requests: more than {buckets.per_s:g} a second for too long. Try again in {wait_s} s.",
                headers={"Retry-After": str(wait_s)},
            )


def _as_it_says(claims: Claims, ground: Ground) -> ApiToken:
    now = ground.clock.now()
    return ApiToken(claims.id, claims.name, claims.scope, now, "not known", now)
