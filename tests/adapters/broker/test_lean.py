"""numpy stays out of the daemon, and is there for whoever uses it."""

import subprocess
import sys

import pytest


def run(code: str) -> str:
    """What a process of its own prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_broker_does_without() -> None:
    """Every daemon would give 11 MB and a part of its start to arrays that nobody asks for."""
    assert run("import sys, tradebot.broker; print('numpy._core' in sys.modules)") == "False"


@pytest.mark.parametrize(
    "use",
    [
        "import numpy; print(numpy.array([1]))",
        "import numpy.linalg, sys; print(sys.modules['numpy'].array([1]))",
        "from numpy import array; print(array([1]))",
        "import importlib.util; assert importlib.util.find_spec('numpy'); import numpy as np; print(np.array([1]))",
        "import ib_async; e = ib_async.Event(); e.array(1).connect(print); e.emit(1)",
    ],
)
def test_whoever_uses_it_has_it(use: str) -> None:
    """A library that asks for numpy would get a module with nothing in it."""
    assert run(f"import tradebot.broker; {use}") == "[1]"
