"""The bot that these tests drive."""

from tests.bot_fixtures import bot, empty_books, make_bot  # noqa: F401 - fixtures
