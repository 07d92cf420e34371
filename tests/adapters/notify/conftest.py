"""An outbox over a real database, whose time can be skipped."""

from tests.bot_fixtures import empty_books, make_bot  # noqa: F401 - fixtures
