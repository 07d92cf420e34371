"""The API's tokens and requests, as `tradebot.ports.Books` has them."""

from collections.abc import Sequence
from datetime import datetime

from tradebot.database import values
from tradebot.database.rows import Rows
from tradebot.domain.api_access import ApiRequest, ApiToken


class ApiRows(Rows):
    """A part of `SqlBooks`."""

    async def add_token(self, token: ApiToken) -> None:
        await self._rows("add_token", **values.parameters(token))

    async def token(self, token_id: str) -> ApiToken | None:
        return await self._one(ApiToken, "token", id=values.outgoing(token_id))

    async def tokens(self) -> Sequence[ApiToken]:
        return await self._all(ApiToken, "tokens")

    async def revoke_token(self, token_id: str, at: datetime) -> bool:
        return await self._row("revoke_token", id=values.outgoing(token_id), at=values.outgoing(at)) is not None

    async def begin_request(self, request: ApiRequest) -> bool:
        asked = {name: values.outgoing(getattr(request, name)) for name in ("key", "fingerprint", "at")}
        return await self._row("begin_request", **asked) is not None

    async def request(self, key: str) -> ApiRequest | None:
        return await self._one(ApiRequest, "request", key=values.outgoing(key))

    async def answer_request(self, key: str, status: int, answer: str) -> None:
        await self._rows("answer_request", key=key, status=status, answer=values.outgoing(answer))
