"""Why an alert or an order ended as it did, as people read it on the phone and the terminal."""

from decimal import Decimal

import pytest

from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.refusals import RefusalCode
from tradebot.words.reasons import reason

C, D = ReasonCode, Decimal
SAID = [
    (
        Reason(C.EXPIRED, {"max_age_s": D("345600.0")}),
        "waited longer than 96 h for the market to open (trading.pending_max_age_h)",
    ),
    (Reason(C.CLEARED, {"by": "Ann (Telegram 42)"}), "cleared by Ann (Telegram 42)"),
    (Reason(C.WRITTEN_OFF, {"by": "Ann"}), "written off: accepted by Ann"),
    (Reason(C.TEST), "a test: judged and reported, never sent"),
    (Reason(C.PARTLY_FILLED, {"filled": D("20.0"), "requested": D("50")}), "20 of 50"),
    (Reason(C.CANCELLED_UNFILLED), "cancelled unfilled"),
    (Reason(C.DATABASE_SILENT), "the database did not answer at the last moment."),
    (Reason(C.KILLED), "trading was KILLED at the last moment."),
    (Reason(C.PAUSED), "trading was PAUSED at the last moment."),
    (Reason(C.LOCK_LOST), "this instance has lost its lock on the database."),
    (Reason(C.LINK_INTERRUPTED), "the connection to IB was interrupted while the order was being stored."),
    (Reason(C.TOO_LATE, {"within_s": 5}), "storing the decision took longer than 5 s."),
    (Reason(C.THROTTLED), "IB's message limit is reached: the order would have left later, unchecked."),
    (Reason(C.ARMED_AGAIN), "its order ended with shares left, and it is sent again"),
    (
        Reason(C.OLDER_ALIVE, {"order_ref": "tb-7-{0}"}),
        "an older order of its alert, tb-7-{0}, turned out to be at work at IB.",
    ),
    (Reason(C.NOT_CONNECTED, {"detail": "the order was not sent: no {socket}"}), "the order was not sent: no {socket}"),
    (Reason(C.NEVER_SEEN), "IB shows no such order, asked twice, and the position is unchanged."),
    (
        Reason(C.NOT_SHOWN, {"before": D("0.50"), "now": D("10")}),
        "IB shows neither the order nor its end (position was 0.5, is 10).",
    ),
    (
        Reason(C.NOT_LISTED_ANY_MORE, {"now": D("0")}),
        "IB shows neither the order nor its end (position was not known, is 0; the day is over, so IB no longer lists it).",
    ),
    (
        Reason(C.NOT_ANSWERED, {"question": "executions"}),
        "IB shows no such order, and does not answer the question for executions.",
    ),
    (
        Reason(C.COST_CHANGED, {"before": D("100"), "now": D("100.25")}),
        "IB shows no such order, but the position's average cost was $100.00 and is $100.25: shares were traded, though as many "
        "are held as before.",
    ),
    (
        Reason(C.COUNTED, {"order_id": 7, "next_id": 8}),
        "IB shows no such order, but it counts on behind it (its next order is 8, this one was 7): it has come there.",
    ),
    (Reason(C.FORGOTTEN), "IB shows no such order, but has forgotten others of today that it has shown before."),
    (
        Reason(C.OTHER_IN_DOUBT, {"order_ref": "tb-1-0badcafe"}),
        "IB shows no such order, and order tb-1-0badcafe of the same stock is not resolved.",
    ),
    (Reason(C.NEVER_EXISTED, {"by": "Ann"}), "Ann has looked and says that it never existed."),
]


@pytest.mark.parametrize(("why", "sentence"), SAID)
def test_each_reason_has_its_sentence(why: Reason, sentence: str) -> None:
    """The owner would not read why his alert was not traded, or his order not sent."""
    assert reason(why) == sentence


def test_no_code_is_without_a_sentence() -> None:
    """An order that was not sent for a new reason would be told to people as a code."""
    assert [why.code for why, _ in SAID] == list(ReasonCode)


def test_refusals_are_reasons_of_their_own_codes() -> None:
    """A code in both would be said as the other, such as a pause that came after the decision as one before it."""
    assert not set(map(str, RefusalCode)) & set(map(str, ReasonCode))
    assert reason(Reason(RefusalCode.SUPERSEDED, {"by_alert": 7})) == "superseded by the SELL of alert 7"


@pytest.mark.parametrize(
    ("why", "sentence"),
    [
        ("IB 202: Order Canceled - reason:", "IB 202: Order Canceled"),
        ("IB 201: Order rejected - reason: {margin}", "IB 201: Order rejected - reason: {margin}"),
        (Reason("eaten", {"by": "the dog", "count": 2}), "eaten (by=the dog, count=2)"),
        (Reason("eaten"), "eaten"),
        (Reason("partly_filled", {"filled": "many", "requested": 5}), "partly_filled (filled=many, requested=5)"),
        (Reason("cash", {"needs": 5}), "cash (needs=5)"),
        (Reason("not_shown"), "not_shown"),
    ],
)
def test_what_another_version_stored_is_said_all_the_same(why: Reason | str, sentence: str) -> None:
    """After an upgrade or a way back the command line would fail on an old row instead of showing it."""
    assert reason(why) == sentence
