"""Who did it, as the books and the messages say."""

from aiogram.types import User


def actor(user: User | None) -> str:
    """`Ann Lee (Telegram 123456789)`. A name is what its owner typed: it is kept to one short line."""
    assert user is not None, "the root filter lets nobody through without a name"
    name = " ".join(user.full_name.split())[:40]
    return f"{name} (Telegram {user.id})"
