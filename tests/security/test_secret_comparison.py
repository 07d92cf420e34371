"""How the webhook's secret is compared: the code path itself, for times of nanoseconds cannot be measured reliably."""

import hmac

import pytest

from tradebot.webhook.access import Secrets

SECRET, PREVIOUS, OWN = "the-secret-in-use-0123", "the-secret-of-last-month", "the-secret-of-ema-alone"


class Unequal(bytes):
    """Bytes that fail when anything but `hmac.compare_digest` compares them."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError("a secret was compared with ==, which ends at the first byte that differs")

    def __ne__(self, other: object) -> bool:
        raise AssertionError("a secret was compared with !=, which ends at the first byte that differs")

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    "given",
    [SECRET, PREVIOUS, OWN, "", "t", SECRET[:-1], SECRET + "x", SECRET[:-1] + "x", "x" + SECRET[1:], "ключ", "\ud800"],
)
def test_every_known_secret_is_compared_to_its_end(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of an answer would tell a stranger how much of the secret he has right, or which of them."""
    compared: list[tuple[bytes, bytes]] = []
    in_constant_time = hmac.compare_digest

    def noted(one: bytes, other: bytes) -> bool:
        compared.append((bytes(one), bytes(other)))
        return in_constant_time(bytes(one), bytes(other))

    secrets = Secrets(SECRET, PREVIOUS, {"ema": (OWN,)})
    secrets._known = [(Unequal(known), whose) for known, whose in secrets._known]
    monkeypatch.setattr(hmac, "compare_digest", noted)
    word = given.encode("utf-8", "surrogatepass")
    for strategy, opening in (("main", (SECRET, PREVIOUS)), ("ema", (OWN,)), (None, (SECRET, PREVIOUS, OWN))):
        compared.clear()
        assert secrets.match(given, strategy) is (given in opening)
        assert compared == [(word, known.encode()) for known in (SECRET, PREVIOUS, OWN)]
