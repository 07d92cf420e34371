"""The pages for a VPS: what is run by a program there, and that what they name is there."""

import re
from pathlib import Path

import pytest

from tests.vps.pages import Block, blocks
from tests.vps.stage import WORK_TREE

DOCS = WORK_TREE / "docs"
PAGES = ("setup.md", "deployment.md", "going-live.md", "operations.md", "security.md")
BLOCKS = [block for page in PAGES for block in blocks(DOCS / page)]
SHOWN = {"", "toml", "json", "text"}
"""What is shown and not typed."""


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_is_run_or_says_why_not(block: Block) -> None:
    """A line that nobody has tried would stand among those that were, and look the same."""
    assert block.runs or block.reason or block.kind in SHOWN, block.kind


def test_nearly_everything_is_run() -> None:
    """The page that people follow first would be left to hope, one exception after the other."""
    not_run = [str(block) for block in BLOCKS if block.reason and block.page != "going-live.md"]
    assert [place for place in not_run if place.startswith("setup.md")] == []
    assert len(not_run) <= 6
    assert len([block for block in BLOCKS if block.runs]) > 25


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_files_of_the_project_that_are_there(page: str) -> None:
    """A line copies a file that was moved."""
    text = (DOCS / page).read_text("utf-8")
    named = re.findall(r"(?:/usr/local/src/tradebot/|`)((?:docs|migrations|requirements)/[\w./-]+)", text)
    assert [path for path in named if not (WORK_TREE / path).exists()] == []


def test_the_layout_is_the_installer_s() -> None:
    """The page would send people to folders that `make deploy` does not make."""
    table = (DOCS / "deployment.md").read_text("utf-8").partition("## What lies where")[2].partition("\n## ")[0]
    places = re.findall(r"^\| `(/[^`]+?)/?` \|", table, re.MULTILINE)
    installer = (DOCS / "deploy" / "install.sh").read_text("utf-8")
    assert len(places) > 6
    for place in places:
        if place.startswith(("/opt", "/etc/tradebot", "/var")):
            assert place in installer or Path(place).name in installer, place


def test_the_pages_are_found() -> None:
    """Somebody with an empty machine does not find out where to begin."""
    readme = (WORK_TREE / "README.md").read_text("utf-8")
    setup = (DOCS / "setup.md").read_text("utf-8")
    assert "docs/setup.md" in readme
    for page in PAGES[1:]:
        assert f"({page})" in setup, page
