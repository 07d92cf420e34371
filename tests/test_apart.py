"""What is heavy runs apart: it is held to its memory and its time, and nothing of it is left behind."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tradebot import apart
from tradebot.apart import NoAnswer, answer_of

LATE_S = 60.0


Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Makes a program of this source."""

    def written(source: str) -> str:
        program = tmp_path / "program.py"
        program.write_text(source)
        return str(program)

    return written


async def given(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_it_answers_and_knows_no_secret(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in matplotlib could read the token; or what is given in pieces would not arrive whole."""
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "a secret")
    program = write("import os, sys; print(sys.stdin.read(), os.environ.get('TELEGRAM_BOT_TOKEN'))")
    assert await answer_of([program], given(b"one ", b"two"), LATE_S) == b"one two None\n"


async def test_what_takes_too_much_memory_ends_alone(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long history would take the machine's memory, and Linux end the daemon for it."""
    monkeypatch.setattr(apart, "MEMORY_MAX", 200 * 1024**2)
    program = write("import sys; sys.stdin.read(); print(len(bytearray(300 * 1024 ** 2)))")
    with pytest.raises(NoAnswer, match=r"ended with 1: (.|\n)*MemoryError"):
        await answer_of([program], given(b"begin"), LATE_S)


@pytest.mark.parametrize("pieces", [[b"a"], [b"a" * 1_000_000]], ids=["answers nothing", "takes nothing"])
async def test_what_is_late_is_ended(write: Write, pieces: list[bytes]) -> None:
    """Whoever asked would wait for ever, and everybody behind it."""
    program = write("import threading; threading.Event().wait()")
    with pytest.raises(NoAnswer, match=r"did not answer within 0\.2 s"):
        await answer_of([program], given(*pieces), 0.2)


async def test_it_ends_with_whoever_asked(write: Write, tmp_path: Path) -> None:
    """The end of the daemon would leave processes behind that count for nobody."""
    os.mkfifo(tmp_path / "begun")
    program = write(f"import os, sys; open({str(tmp_path / 'begun')!r}, 'w').write(str(os.getpid())); sys.stdin.read()")
    never = asyncio.Event()

    async def waiting() -> AsyncIterator[bytes]:
        yield b"a"
        await never.wait()

    asked = asyncio.create_task(answer_of([program], waiting(), LATE_S))
    pid = int(await asyncio.to_thread((tmp_path / "begun").read_text))
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
