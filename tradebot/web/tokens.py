"""The API's tokens: JWT, signed with this installation's key. What one admits to stands in it, and in the database.

Rules:
- One algorithm, ours: what a token says of how it is signed counts for nothing (`none`, another one, a public key as secret).
- A token is good only while the database knows its id, with the same scope, and it is neither expired nor revoked.
- A token is shown once, when it is made: only its id is stored.
- The library weighs 8 MB, for it brings cryptography along: it is loaded with the first token, beside the loop (`ready`).
"""

import asyncio
import secrets
import sys
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any

from tradebot.domain.api_access import ApiToken, Scope

ALGORITHM, ISSUER, AUDIENCE = "HS256", "tradebot", "tradebot-api"
LENGTH_MAX = 2048


class NoToken(Exception):
    """What was given is no token of ours that is good now; the message says to its owner why."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token that we signed says."""

    id: str
    name: str
    scope: Scope
    expires_at: float  # seconds since 1970


def new_id() -> str:
    return secrets.token_hex(6)


async def ready() -> None:
    """Before the first token is looked at."""
    if "jwt" not in sys.modules:
        await asyncio.to_thread(import_module, "jwt")


def signed(token: ApiToken, key: str) -> str:
    import jwt  # noqa: PLC0415 - see above

    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "jti": token.id,
        "sub": token.label,
        "scope": str(token.scope),
        "iat": int(token.made_at.timestamp()),
        "exp": int(token.expires_at.timestamp()),
    }
    return jwt.encode(claims, key, algorithm=ALGORITHM)


def claims_of(text: str, key: str, now: datetime) -> Claims:
    """Raises NoToken."""
    import jwt  # noqa: PLC0415 - see above

    if len(text) > LENGTH_MAX:
        raise NoToken("The token is none of this installation's.")
    try:
        said: dict[str, Any] = jwt.decode(
            text,
            key,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            # The times are looked at below, by the bot's own clock.
            options={"require": ["exp", "iat", "jti", "sub", "scope"], "verify_exp": False, "verify_iat": False},
        )
        found = Claims(str(said["jti"]), str(said["sub"]), Scope(said["scope"]), float(said["exp"]))
    except (jwt.InvalidTokenError, ValueError, TypeError):
        raise NoToken("The token is none of this installation's.") from None
    if now.timestamp() >= found.expires_at:
        raise NoToken("The token has expired: `tradebot token` makes a new one.")
    return found


def check_stored(found: Claims, stored: ApiToken | None, now: datetime) -> None:
    """Raises NoToken."""
    if stored is None or stored.scope is not found.scope:
        raise NoToken("The token is none of this installation's.")
    if stored.revoked_at is not None:
        raise NoToken("The token was revoked: `tradebot token` makes a new one.")
    if not stored.is_good(now):
        raise NoToken("The token has expired: `tradebot token` makes a new one.")
