"""What looking at guesses leaves behind."""

import subprocess
import sys

ASKS = """
import threading, psutil
from tradebot.web.ground import WebOptions
from tradebot.web.passwords import Password, hashed

password = Password(WebOptions(password_hash=hashed("seven horses under the bridge")))

def guess():
    assert not password._verify(b"another")
    guessed.release(); everybody.wait()

def round_of_guesses():
    for _ in range(6):
        threads.append(threading.Thread(target=guess))
        threads[-1].start()
        guessed.acquire()  # one after the other, each in a thread of its own that stays

everybody, guessed, threads = threading.Event(), threading.Semaphore(0), []
password._verify(b"another")
before = psutil.Process().memory_info().rss
round_of_guesses()
print((psutil.Process().memory_info().rss - before) // 2**20)
everybody.set()
"""


def test_guesses_in_many_threads_leave_no_memory_behind() -> None:
    """Logins make the daemon grow by 19 MiB for each thread that ever looked at one: a hundred and more."""
    told = subprocess.run([sys.executable, "-c", ASKS], capture_output=True, text=True, timeout=120, check=True)
    assert int(told.stdout) < 19
