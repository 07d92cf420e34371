"""`tradebot`, which says at its end which modules were loaded: `python -m tests.cli.loaded run`."""

import atexit
import sys

from tradebot.cli import main


def _say() -> None:
    sys.stdout.write(f"LOADED {' '.join(sys.modules)}\n")


if __name__ == "__main__":
    atexit.register(_say)
    main()
