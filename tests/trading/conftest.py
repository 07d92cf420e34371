"""The bot that these tests drive, and a TWS client of somebody else's beside it."""

from collections.abc import Iterator

import pytest

from tests.bot_fixtures import bot, empty_books, make_at_gateway, make_bot  # noqa: F401 - fixtures
from tests.tws_client import TwsClient, open_tws_client


@pytest.fixture(scope="session")
def tws() -> Iterator[TwsClient]:
    with open_tws_client() as client:
        yield client
