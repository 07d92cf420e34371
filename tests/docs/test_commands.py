"""The documents against the program: commands, options, endpoints, and the words that people search for in trouble."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import commands
from tradebot.webhook.routes import Routes

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "commands.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "tradebot.service"])


def options_in_the_code() -> dict[str, set[str]]:
    """Every command's options, by its whole name."""
    found = {}
    for name, command in commands.loaded().items():
        itself = {"": command} if not hasattr(command, "commands") or command.invoke_without_command else {}
        for below, one in {**itself, **getattr(command, "commands", {})}.items():
            options = {option for parameter in one.params for option in parameter.opts if option.startswith("--")}
            found[f"tradebot {name} {below}".strip()] = options
    return found


def sections() -> dict[str, str]:
    """Every command's section of the guide."""
    parts = re.split(r"^## (.+)$", GUIDE, flags=re.MULTILINE)[1:]
    return {title.strip("`"): body for title, body in zip(parts[::2], parts[1::2], strict=True) if "tradebot" in title}


def lines_in(text: str) -> Iterator[list[str]]:
    """Every line that calls tradebot, in code blocks and in code spans, as words after the program's name."""
    for block in re.findall(r"```(?:sh[^\n]*|)\n(.*?)```|`([^`\n]+)`", text, re.DOTALL):
        for line in "".join(block).splitlines():
            if match := re.match(r"\s*(?:\S*/)?tradebot ([a-z-].*)", line.partition("#")[0]):
                yield match[1].split()


def test_the_guide_has_every_command_and_no_other() -> None:
    """A command stays unknown to the owner, or he types one that is not there."""
    assert set(sections()) == set(options_in_the_code())


@pytest.mark.parametrize("command", options_in_the_code())
def test_a_command_s_section_is_whole(command: str) -> None:
    """An option stays unknown, or is promised and refused; somebody has to guess what a whole line looks like."""
    body = sections()[command]
    assert set(re.findall(r"^- `(--[a-z-]+)", body, re.MULTILINE)) == options_in_the_code()[command] - {"--help"}
    assert re.search(rf"```sh\n(.*\n)*?{re.escape(command)}\b", body), "an example"


@pytest.mark.parametrize(
    "command", ["run", "alert", "status", "alerts", "trace", "logs", "jobs", "pause", "simgateway", "migrate up"]
)
def test_exit_codes_are_told(command: str) -> None:
    """A script cannot tell a refused order from a broken line."""
    assert "Exit codes" in sections()[f"tradebot {command}"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_line_that_calls_tradebot_is_one_it_takes(document: Path) -> None:
    """A document teaches a command or an option that is refused."""
    known = options_in_the_code()
    for words in lines_in(document.read_text("utf-8")):
        command = next((name for n in (2, 1) if (name := f"tradebot {' '.join(words[:n])}") in known), None)
        group = f"tradebot {words[0].strip('`')}"
        assert command or any(name.startswith(f"{group} ") for name in known) or words[0].startswith("-"), words
        used = {word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)}
        assert used <= (known[command] if command else {"--help", "--version"}) | {"--help"}, words


def test_every_endpoint_is_told_and_no_other() -> None:
    """The proxy's configuration, or a monitor, is aimed at an address that is not served."""
    served = set(re.findall(r'web\.(get|post|put|delete)\("(/[a-z/{}]*)"', inspect.getsource(Routes.table)))
    told = re.findall(r"^\| `(GET|POST) (/[a-zA-Z/]+)`", GUIDE, re.MULTILINE)
    assert {(method.lower(), path.replace("NAME", "{strategy}")) for method, path in told} == served
    assert served == {("post", "/webhook"), ("post", "/webhook/{strategy}"), ("get", "/health")}


def test_the_readme_s_make_targets_exist() -> None:
    """The first line that a new user types is answered with "No rule to make target"."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for document in (README, (ROOT / "CONTRIBUTING.md").read_text("utf-8")):
        used = set(re.findall(r"(?:^|`)make ([a-z]+)", document, re.MULTILINE))
        assert used
        assert used <= targets


def headings(document: Path) -> list[str]:
    text = re.sub(r"^```.*?^```$", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^#+ (.+)$", text, re.MULTILINE)


def anchor(heading: str) -> str:
    """As GitHub and GitLab make it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS[:-1], ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    """A reader in trouble follows a link into nothing."""
    for target in re.findall(r"\]\(([^):]+)\)", document.read_text("utf-8")):
        name, _, place = target.partition("#")
        page = document.parent / name if name else document
        assert page.exists(), target
        assert not place or place in map(anchor, headings(page)), target


@pytest.mark.parametrize("document", DOCUMENTS[:-1], ids=lambda path: path.name)
def test_a_section_that_is_named_beside_a_link_is_there(document: Path) -> None:
    """A reader looks for a heading that is called otherwise now."""
    for name, title in re.findall(r"\]\(([\w./-]+\.md)\), \"([^\"]+)\"", document.read_text("utf-8")):
        assert title in headings(document.parent / name), (name, title)


def said_by_the_program() -> str:
    """Every text in the code, the pieces of one string joined and its fields shown as `…`."""
    texts = []
    for file in ROOT.glob("tradebot/**/*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                texts.append("".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values))
    return "\n".join(texts)


def test_troubleshooting_quotes_what_the_bot_says() -> None:
    """Somebody searches the guide for the words on his screen and does not find them."""
    said = said_by_the_program()
    guide = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
    first_cells = re.findall(r"^\| (.+?) \|", guide.replace("| it says |", ""), re.MULTILINE)
    pieces = [
        piece.strip()
        for cell in first_cells
        for quote in re.findall(r"`([^`]+)`", cell)
        for piece in quote.split("…")
        if len(piece.strip()) > 3
    ]
    assert len(pieces) > 40
    assert [piece for piece in pieces if piece not in said] == []
