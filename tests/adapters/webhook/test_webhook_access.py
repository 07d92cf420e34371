"""The pure parts of who may call: secrets and buckets."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot.domain.payload.message import BLANKS
from tradebot.errors import ConfigError
from tradebot.listener.callers import Buckets, household
from tradebot.webhook.access import Addresses, Secrets

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=20)


@given(WORDS, WORDS, st.booleans())
def test_a_secret_is_cut_out_however_json_writes_it(secret: str, around: str, in_ascii: bool) -> None:
    """A secret with quotes, slashes or letters of other alphabets would survive in the stored message."""
    body = json.dumps({"a": around, "secret": secret, "b": f"x{secret}y"}, ensure_ascii=in_ascii).encode()
    assert Secrets(secret, None).cut(body).count(b"***") >= 2
    escaped = "".join(
        f"\\u{secret.encode('utf-16-be').hex()[at : at + 4]}" for at in range(0, len(secret.encode("utf-16-be")) * 2, 4)
    )
    assert Secrets(secret, None).cut(escaped.encode()) == b"***"


@given(WORDS, WORDS, WORDS)
def test_only_the_secrets_match(secret: str, previous: str, other: str) -> None:
    """A wrong secret would be let pass, or a right one refused."""
    secrets = Secrets(secret, previous)
    assert secrets.match(secret, "main")
    assert secrets.match(previous, "main")
    assert secrets.match(other, "main") == (other.strip(BLANKS) in (secret.strip(BLANKS), previous.strip(BLANKS)))


SHARED, LAST_MONTHS, OWN = "the-secret-of-all-0123", "the-secret-of-all-0122", "the-secret-of-ema-0123"


@pytest.mark.parametrize(
    ("word", "opens"),
    [
        (SHARED, {"rsi", "other", None}),
        (LAST_MONTHS, {"rsi", "other", None}),
        (OWN, {"ema", None}),
        ("another one", set()),
        (OWN[:-1], set()),
        (None, set()),
    ],
)
def test_a_strategy_with_a_secret_of_its_own_takes_that_alone(word: object, opens: set[str | None]) -> None:
    """Who was given one strategy's secret could trade another's, or the shared one would open what was locked apart."""
    accepted = {"ema": (OWN,), "rsi": (SHARED, LAST_MONTHS)}
    secrets = Secrets(SHARED, LAST_MONTHS, accepted)  # None: what lets its sender hear which strategies there are
    assert {name for name in ("ema", "rsi", "other", None) if secrets.match(word, name)} == opens


def test_every_strategys_secret_is_cut_out() -> None:
    """One strategy's secret, sent by mistake to another, would stand in the stored message."""
    text = f"{SHARED} {OWN} {LAST_MONTHS}".encode()
    assert Secrets(SHARED, LAST_MONTHS, {"ema": (OWN,)}).cut(text) == b"*** *** ***"


def test_a_secret_that_begins_with_the_other_leaves_no_rest() -> None:
    """The end of the longer secret would stay in the stored message."""
    assert Secrets("abcdefgh", "abcdefghijkl").cut(b"abcdefghijkl abcdefgh") == b"*** ***"


def test_an_empty_secret_or_a_wrong_address_stops_the_start() -> None:
    """An empty secret would match an empty field: anyone could trade."""
    with pytest.raises(ConfigError, match="secret is empty"):
        Secrets("", None)
    with pytest.raises(ConfigError, match=r"\[strategies\.ema\] secret is empty"):
        Secrets(SHARED, None, {"ema": (" ",)})
    with pytest.raises(ConfigError, match=r"allowed_ips: '10\.0\.0\.300'"):
        Addresses(["10.0.0.300"], [])
    with pytest.raises(ConfigError, match="trusted_proxies: 'nginx'"):
        Addresses([], ["nginx"])


def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    """Bursts would be cut, or a flood never end."""
    buckets = Buckets(burst=1000, per_s=20)
    assert all(buckets.take("a", 0) for _ in range(1000))
    assert not buckets.take("a", 0)
    assert buckets.take("b", 0)
    assert sum(buckets.take("a", 1) for _ in range(100)) == 20
    buckets.give_back("a", 1)
    assert buckets.take("a", 1)
    assert not buckets.take("a", 1)
    assert not buckets.take("a", 0.5)  # a clock that goes back gives nothing
    assert sum(buckets.take("a", 10_000) for _ in range(3000)) == 1000


def test_buckets_of_many_addresses_do_not_fill_the_memory() -> None:
    """Each new address would cost memory for ever."""
    buckets = Buckets(burst=2, per_s=1, keys_max=10)
    for n in range(1000):
        assert buckets.take(str(n), n / 100)
        assert len(buckets._levels) <= 11


def test_a_flood_of_addresses_costs_no_more_with_each_and_frees_nobody_else() -> None:
    """Who comes with many addresses makes every request of everybody slow, or frees all who were held back before him."""
    buckets = Buckets(burst=2, per_s=0.001)
    buckets.take("first", 0)
    for n in range(buckets.keys_max - 2):
        buckets.take(f"{n}", 0)
    assert [buckets.take("held back", 0) for _ in range(3)] == [True, True, False]
    began = time.process_time()
    for n in range(5_000):
        buckets.take(f"another {n}", 0)
    assert time.process_time() - began < 2  # looking at all of them each time takes ten times as long
    assert len(buckets._levels) == buckets.keys_max
    assert not buckets.take("held back", 0)


@pytest.mark.parametrize(
    ("caller", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.7"),
        ("unknown", "unknown"),
    ],
)
def test_an_address_of_ipv6_counts_with_its_network(caller: str, counted: str) -> None:
    """Who has one address of IPv6 has as many as he likes, and guesses without end."""
    assert household(caller) == counted
