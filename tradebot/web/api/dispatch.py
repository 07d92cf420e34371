"""From a request to its answer: who asks, whether what is asked can be read, whether it was asked before, and what came of it.

Rules: what changes something and carries an Idempotency-Key is done once. Its question is stored before and its answer after; the
same question again gets that answer, another one under the same key 422. Refusals of the first kind (401 to 415) store nothing.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import TypeVar
from weakref import WeakValueDictionary

from aiohttp import web
from loguru import logger
from pydantic import ValidationError

from tradebot.domain.api_access import ApiToken
from tradebot.domain.strategies import UnknownStrategy
from tradebot.errors import BrokerUnavailable, LedgerUnavailable, TradebotError
from tradebot.operations import api_requests
from tradebot.web.api.access import Access
from tradebot.web.api.endpoint import Asked, Endpoint, Given, Nothing
from tradebot.web.ground import Ground
from tradebot.web.problems import Problem

KEY_HEADER = "Idempotency-Key"
KEY_PATTERN = "^[A-Za-z0-9_.:-]{1,128}$"

M = TypeVar("M", bound=Given)


class Dispatch:
    """Answers the requests of one endpoint."""

    def __init__(self, endpoint: Endpoint, ground: Ground, access: Access) -> None:
        self._endpoint = endpoint
        self._ground = ground
        self._access = access
        self._under_way: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def answer(self, request: web.Request) -> web.Response:
        endpoint = self._endpoint
        token = await self._access.admit(request, endpoint.scope, at_once=endpoint.at_once)
        _known(endpoint, request)
        query = query_of(endpoint.query, request)
        body = await _body(endpoint.body, request) if not endpoint.reads else None
        key = self._key(request)
        if key is None:
            own = f"api:{token.id}:{self._ground.chance(16)}"
            return _json(*await self._act(Asked(self._ground, token, dict(request.match_info), query, body, own)))
        return await self._once(request, token, key, query, body)

    def _key(self, request: web.Request) -> str | None:
        if self._endpoint.reads or self._endpoint.at_once:
            return None
        given = request.headers.get(KEY_HEADER)
        if given is None:
            if self._endpoint.needs_key:
                raise Problem(
                    HTTPStatus.BAD_REQUEST,
                    f"Send an {KEY_HEADER}: a new one for each thing that is to be done, the same one to ask again for it.",
                )
            return None
        if not re.fullmatch(KEY_PATTERN, given):
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                f"The {KEY_HEADER} has 1 to 128 letters, digits, underscores, points, colons and dashes.",
            )
        return given

    async def _once(
        self, request: web.Request, token: ApiToken, key: str, query: Given, body: Given | None
    ) -> web.Response:
        own = f"api:{token.id}:{key}"
        # Two at once would both find no answer yet: the second one waits for the first one's.
        async with self._under_way.setdefault(own, asyncio.Lock()):
            return await self._first_or_again(request, token, own, query, body)

    async def _first_or_again(
        self, request: web.Request, token: ApiToken, own: str, query: Given, body: Given | None
    ) -> web.Response:
        ledger = self._ground.queries.ledger
        question = api_requests.asked(own, await _fingerprint(request), self._ground.clock.now())
        before = await api_requests.begin(ledger, question)
        if before is not None and before.fingerprint != question.fingerprint:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY, f"Something else was asked under this {KEY_HEADER}: take a new one."
            )
        if before is not None and before.status is not None:
            return _json(HTTPStatus(before.status), before.answer or "{}", again=True)
        first_at = None if before is None else before.at
        asked = Asked(self._ground, token, dict(request.match_info), query, body, own, first_at)
        status, text = await self._act(asked)
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:  # what failed may succeed when it is asked again
            await self._keep(own, status, text)
        return _json(status, text)

    async def _keep(self, key: str, status: HTTPStatus, text: str) -> None:
        """It is done, whatever becomes of this: asked again, it is found to be done by the operation itself."""
        try:
            await api_requests.answer(self._ground.queries.ledger, key, status, text)
        except LedgerUnavailable as error:
            logger.warning("the answer to a request of the API is not kept: {}", error)

    async def _act(self, asked: Asked) -> tuple[HTTPStatus, str]:
        try:
            answer = await self._endpoint.act(asked)
        except Problem as problem:
            return problem.status, problem.text()
        except UnknownStrategy as error:
            return _refused(HTTPStatus.NOT_FOUND, f"There is no strategy {_shown(error)}.")
        except (BrokerUnavailable, LedgerUnavailable) as error:
            return _refused(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        except TradebotError as error:
            return _refused(HTTPStatus.CONFLICT, str(error))
        return HTTPStatus.OK, answer.model_dump_json()


def _known(endpoint: Endpoint, request: web.Request) -> None:
    """That there is what the address names; who misspells it is told what there is."""
    name = request.match_info.get("name")
    if endpoint.names and name not in endpoint.names:
        place, there_are = endpoint.path.rpartition("/")[0], ", ".join(endpoint.names)
        raise Problem(HTTPStatus.NOT_FOUND, f"There is no {name} under {place}. There are: {there_are}.")


def _refused(status: HTTPStatus, detail: str) -> tuple[HTTPStatus, str]:
    return status, Problem(status, detail).text()


def _shown(error: UnknownStrategy) -> str:
    return str(error.args[0])[:40] if error.args else "of this name"


def _json(status: HTTPStatus, text: str, *, again: bool = False) -> web.Response:
    kind = "application/json" if status < HTTPStatus.BAD_REQUEST else "application/problem+json"
    headers = {"Idempotent-Replayed": "true"} if again else {}
    return web.Response(status=status, text=text, content_type=kind, headers=headers)


async def _fingerprint(request: web.Request) -> str:
    body = await request.read()
    said = json.dumps([request.method, request.path_qs]).encode() + b"\0" + body
    return hashlib.sha256(said).hexdigest()


def query_of(kind: type[M], request: web.Request) -> M:
    given = request.query
    if len(given) != len(set(given)):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Each parameter may be given once.")
    return _valid(kind, dict(given))


async def _body(kind: type[Given] | None, request: web.Request) -> Given:
    text = await request.read()
    if not text:
        return _valid(kind or Nothing, {})
    if request.content_type != "application/json":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send JSON: `Content-Type: application/json`.")
    try:
        given = json.loads(text, parse_constant=_no_number, parse_float=_number, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise Problem(HTTPStatus.BAD_REQUEST, "The body is not JSON.") from None
    if not isinstance(given, dict):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The body is to be an object: {…}.")
    return _valid(kind or Nothing, given)


def _number(text: str) -> int | str:
    """Exact: JSON's 7.0 is 7, and any other figure stays text."""
    found = Decimal(text)
    whole = found.is_finite() and abs(found) < 10**18 and found == found.to_integral_value()
    return int(found) if whole else text


def _no_number(name: str) -> None:
    raise ValueError(name)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _valid(kind: type[M], given: Mapping[str, object]) -> M:
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        wrong = [
            {"where": ".".join(map(str, one["loc"])), "why": one["msg"].removeprefix("Value error, ")}
            for one in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, _sentence(wrong), errors=wrong) from None


def _sentence(wrong: list[dict[str, str]]) -> str:
    first = wrong[0]
    return f"{first['where'] or 'What was given'}: {first['why']}."
