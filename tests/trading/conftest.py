"""The bot that these tests drive."""

from tests.bot_fixtures import bot, empty_books, make_at_gateway, make_bot  # noqa: F401 - fixtures
