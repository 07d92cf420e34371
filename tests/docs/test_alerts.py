"""docs/alerts.md: every example in it is run, and becomes what the page says."""

import re

import pytest

from tests.docs.alerts_page import ALWAYS, PAGE, STRATEGIES, Example, becomes, examples
from tradebot.domain.payload.dialects import DIALECTS, dialect_of, read_message
from tradebot.domain.payload.readings import known_names
from tradebot.domain.payload.samples import Occasion, fill

TEXT = PAGE.read_text("utf-8")
EXAMPLES = list(examples(TEXT))
SECTIONS = {
    "The bot's own": "own",
    "TradersPost": "traderspost",
    "Nested JSON": "nested",
    "3Commas": "3commas",
    "SignalStack": "signalstack",
    "tbot": "tbot",
    "Plain words": "text",
    "key=value": "keyvalue",
}
_ONE = re.compile(r"^(?:(entry|exit) )?(?:refused: )?(.+)$", re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
async def test_an_example_becomes_what_the_page_says(example: Example) -> None:
    """Somebody pastes it, and his alert is refused, or trades something else than is written there."""
    default, sized, whole = STRATEGIES
    assert set(example.said) in ({ALWAYS}, {default, sized}, set(STRATEGIES)), "each example says what becomes of it"
    for name, strategy in STRATEGIES.items():
        said = example.said.get(name) or example.said.get(ALWAYS) or example.said[sized if name == whole else default]
        outcomes = await becomes(example.message, strategy)
        told = re.split("; (?=exit )", said) if outcomes[0][0] is not Occasion.CONDITION else [said]
        assert len(told) == len(outcomes), said
        for text, (occasion, done, why) in zip(told, outcomes, strict=True):
            where = "" if occasion is Occasion.CONDITION else f"{occasion} "
            assert text.startswith(where), said
            rest = text.removeprefix(where)
            if done == "refused":
                assert rest.startswith("refused: "), (rest, why)
                assert rest.removeprefix("refused: ") in why
            else:
                assert rest == done


@pytest.mark.parametrize("example", [one for one in EXAMPLES if one.section in SECTIONS], ids=str)
def test_a_section_s_examples_are_in_its_dialect(example: Example) -> None:
    """A section would explain fields that its own examples are not read by."""
    for filled in fill(example.message):
        assert dialect_of(read_message(filled.text.encode())).name == SECTIONS[example.section]


def test_every_dialect_has_its_section_and_no_other() -> None:
    """Who comes from that service would not find what becomes of his alerts."""
    assert set(SECTIONS.values()) == set(DIALECTS)
    assert {one.section for one in EXAMPLES} == {*SECTIONS, "Mistakes"}


def test_every_example_is_found() -> None:
    """The page would hold an example that nobody runs."""
    fences = re.findall(r"^```(?:json|text)$", TEXT, re.MULTILINE)
    assert len(fences) == len(EXAMPLES) > 40
    assert "@@" not in TEXT


@pytest.mark.parametrize("page", ["README.md", "docs/setup.md", "docs/going-live.md", "docs/troubleshooting.md"])
def test_people_find_it(page: str) -> None:
    """Who brings his alerts along would write them anew, for he does not know that they are understood."""
    assert re.search(r"\]\((docs/)?alerts\.md", (PAGE.parents[1] / page).read_text("utf-8"))


def sections() -> dict[str, str]:
    """Each section of the page by its title."""
    parts = re.split(r"^## (.+)$", TEXT, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("section", [name for name in SECTIONS if name not in ("Plain words", "key=value")])
def test_a_section_s_fields_are_fields_of_its_dialect(section: str) -> None:
    """Somebody writes a field that the page names, and the bot does not know it."""
    known = known_names(DIALECTS[SECTIONS[section]]) | {"metrics"}
    rows = re.findall(r"^\| (`.+?) \| (.+) \|$", sections()[section], re.MULTILINE)
    assert len(rows) > 3
    for cell, what in rows:
        if "change nothing" not in what and "kept with the alert" not in what:
            names = re.findall(r"`(?:\w+\.)?(\w+)`", cell)
            assert [name for name in names if name not in known] == []
