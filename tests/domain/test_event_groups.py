"""Groups of event kinds."""

from collections import Counter

from tradebot.domain.event_groups import KINDS, EventGroup, group_of
from tradebot.domain.events import EventKind


def test_every_kind_is_in_one_group() -> None:
    """A kind in no group could not be made silent; one in two would be silent and loud."""
    assert Counter(kind for kinds in KINDS.values() for kind in kinds) == Counter(EventKind)
    assert set(KINDS) == set(EventGroup)


def test_a_kind_of_another_version_is_in_no_group() -> None:
    """It would be told, or not, by the choice for something else."""
    assert group_of(EventKind.SELL_FILLED) is EventGroup.FILLS
    assert group_of("of_another_version") is None
