"""The OpenAPI document against the real thing: schemathesis makes requests that fit it, and requests that do not."""

import asyncio
import json
from collections.abc import Iterator
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.adapters.web.conftest import OpenSite, Site
from tests.adapters.web.programs import bearer
from tests.bot_fixtures import MakeBot
from tradebot.domain.api_access import Scope
from tradebot.web.api import access, describing
from tradebot.web.api.dispatch import KEY_HEADER

if TYPE_CHECKING:
    from schemathesis import Case, GenerationMode

EXAMPLES_EACH = 2


@pytest.fixture
async def busy(make_bot: MakeBot, open_site: OpenSite, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A bot that trades, asked as often as one likes."""
    monkeypatch.setattr(access, "TOKEN_BURST", 1_000_000)
    bot = await make_bot()
    await bot.start()
    return await open_site(bot)


def operations(base_url: str) -> Iterator[Any]:
    import schemathesis
    from schemathesis.core.result import Ok

    document = json.loads(describing._document())
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=base_url)
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        yield found.ok()


def tried(operation: Any, mode: "GenerationMode", headers: dict[str, str], seen: dict[int, int]) -> None:
    """A few requests to one endpoint; each answer is what the document says of it."""
    from schemathesis import GenerationMode
    from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

    # A limit's range depends on its name, which a schema cannot say; test_api.py tries every token.
    more = [positive_data_acceptance] if operation.path.endswith("/limits/{name}") else []

    @settings(
        max_examples=EXAMPLES_EACH,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: "Case[Any]") -> None:
        key = {KEY_HEADER: token_hex(8)} if mode is GenerationMode.POSITIVE and KEY_HEADER in case.headers else {}
        response = case.call(headers={**headers, **key}, timeout=30)
        seen[response.status_code] = seen.get(response.status_code, 0) + 1
        case.validate_response(response, excluded_checks=[ignored_auth, *more], headers=headers)

    ask()


async def test_the_api_is_what_its_document_says(busy: Site) -> None:
    """A client made from the document would be refused for what it may send, or would read what is not there."""
    from schemathesis import GenerationMode

    headers = await bearer(busy, Scope.ADMIN)
    seen: dict[int, int] = {}

    def all_of_them() -> None:
        for operation in operations(busy.url("")):
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                tried(operation, mode, headers, seen)

    await asyncio.to_thread(all_of_them)
    assert {200, 404, 422} <= set(seen)
    assert "Traceback" not in "".join(busy.logged)
