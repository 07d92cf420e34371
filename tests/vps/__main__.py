"""The pages for a VPS, followed word for word in a clean Debian with its own systemd, and between them the drills.

`python -m tests.vps`: needs root, and the packages debootstrap and systemd-container. Prints a table of all steps with their
seconds; ends with 1 after a step that was not as promised. Packages come from Debian and PyPI; nothing else is reached.
"""

import argparse
import asyncio
import os
import signal
import sys

from tests.table import say
from tests.vps import root as clean
from tests.vps import stage
from tests.vps.drills import Drills, on_servers
from tests.vps.followed import Failed, Steps, follow
from tests.vps.machine import Machine, booted
from tests.vps.outside import furnish, way_to_packages
from tests.vps.stage import WORK_TREE

CACHE = WORK_TREE / ".venv" / "vps"


PAGES = WORK_TREE / "docs"
AFTERWARDS = ("deployment.md", "operations.md", "security.md")


async def main(given: argparse.Namespace) -> int:
    CACHE.mkdir(parents=True, exist_ok=True)
    root, steps = CACHE / "root", Steps(CACHE / "steps.log", given.go_on)
    steps.log.write_text("")
    kept = {CACHE / "apt": "/var/cache/apt/archives", CACHE / "pip": "/root/.cache/pip"}
    for folder in kept:
        (folder / "partial").mkdir(parents=True, exist_ok=True)
    try:
        async with steps.step("root", "a clean Debian 12"):
            clean.fresh(CACHE, root)
            stage.serve_repository(root)
        async with booted(root, kept, CACHE / "console.log") as machine, way_to_packages() as port:
            furnish(root, port)
            machine.variables = stage.ELSEWHERE | stage.CHECKLIST
            try:
                await _everything(machine, steps, drills=not given.no_drills)
            finally:
                if given.hold:
                    say(f"held: nsenter --target={machine.leader} --all; Enter ends it")
                    await asyncio.to_thread(sys.stdin.readline)
    except Failed:
        return 1
    else:
        return 0 if steps.well else 1
    finally:
        steps.show()
        say(f"what each step printed: {steps.log}")
        clean.remove(root)


async def _everything(machine: Machine, steps: Steps, *, drills: bool) -> None:
    surroundings = stage.Surroundings(machine, steps)
    await follow(machine, steps, PAGES / "setup.md", surroundings.before)
    await follow(machine, steps, PAGES / "checklist.md", surroundings.before)
    if drills:
        await Drills(machine, steps).all()
    for page in AFTERWARDS:
        await follow(machine, steps, PAGES / page, surroundings.before)
    if drills:
        await on_servers(machine, steps)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.vps", description=__doc__)
    parser.add_argument("--no-drills", action="store_true", help="only the pages")
    parser.add_argument("--go-on", action="store_true", help="after a step that failed")
    parser.add_argument("--hold", action="store_true", help="wait for Enter before the machine is powered off")
    return parser.parse_args()


if __name__ == "__main__":
    if lacking := clean.missing():
        sys.exit(f"this machine lacks {', '.join(lacking)}: apt-get install {' '.join(lacking)}")
    if os.geteuid() != 0:
        sys.exit("run this as root: it makes a root folder with debootstrap and boots it with systemd-nspawn")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly end: the machine is powered off
    sys.exit(asyncio.run(main(_arguments())))
