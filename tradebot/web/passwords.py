"""The owner's password: how it is kept in the file, and whether what somebody gives is it.

Rules:
- Kept as argon2id with OWASP's least figures (19 MiB, two passes): looking at one guess costs memory and time on purpose, so it
  happens in a thread and one at a time, and whoever asks limits how often.
- One that stands in the file as it is, is compared as it is, in constant time: a hash of it would protect nothing.
"""

import asyncio
import ctypes
import hmac
from contextlib import suppress

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from tradebot.web.ground import WebOptions

_MMAP_THRESHOLD = -3  # of <malloc.h>: from this size on an allocation is a mapping of its own
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hashed(password: str) -> str:
    """What `[web] password_hash` takes."""
    return _HASHER.hash(password)


class Password:
    """That of the configuration."""

    def __init__(self, options: WebOptions) -> None:
        _give_back_what_is_large()
        self._options = options
        self._one_at_a_time = asyncio.Lock()

    async def matches(self, given: str) -> bool:
        word = given.encode("utf-8", "surrogatepass")
        if self._options.password is not None:
            return hmac.compare_digest(word, self._options.password.encode())
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._verify, word)

    def _verify(self, word: bytes) -> bool:
        try:
            return _HASHER.verify(self._options.password_hash or "", word)
        except (Argon2Error, InvalidHashError):
            return False


def _give_back_what_is_large() -> None:
    """To the system, as soon as it is freed. Else glibc keeps the 19 MiB of a guess for its thread's next one, and the loop has
    many threads."""
    with suppress(AttributeError, OSError):  # another C library, which gives it back by itself
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 1 << 20)
