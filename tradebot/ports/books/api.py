"""The API's tokens and requests."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from tradebot.domain.api_access import ApiRequest, ApiToken


class ApiBook(Protocol):
    """A part of `Books`."""

    async def add_token(self, token: ApiToken) -> None: ...

    async def token(self, token_id: str) -> ApiToken | None: ...

    async def tokens(self) -> Sequence[ApiToken]:
        """All that were ever given out, the oldest first."""

    async def revoke_token(self, token_id: str, at: datetime) -> bool:
        """False where there is none of this id, or it was revoked before."""

    async def begin_request(self, request: ApiRequest) -> bool:
        """False when the key is there."""

    async def request(self, key: str) -> ApiRequest | None: ...

    async def answer_request(self, key: str, status: int, answer: str) -> None:
        """The first answer stays."""
