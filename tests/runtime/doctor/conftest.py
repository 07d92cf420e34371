"""An installation with real servers around it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.botapi import bot_api
from tests.runtime.doctor.installation import Installation, Servers, empty_tables, installed
from tests.servers import GivenServer, PostgresServer
from tradebot.simgateway import GatewaySettings, open_gateway


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_tables(tmp_path_factory.mktemp("tables"))


@pytest.fixture
async def one(
    tmp_path: Path, tables: Path, redis_url: str, postgres_server: GivenServer | PostgresServer
) -> AsyncIterator[Installation]:
    """All is well with it."""
    settings = GatewaySettings(port=0, control_port=0, moving=False, seed=1)
    async with (
        open_gateway(settings) as gateway,
        bot_api() as api,
        installed(tmp_path, tables, Servers(redis_url, postgres_server.url), gateway, api) as installation,
    ):
        yield installation
