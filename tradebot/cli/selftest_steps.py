"""The steps of `tradebot selftest`, in the order in which they are made.

Rules:
- Orders go to the daemon on this machine alone, whose own health report says that its account is a paper one: not known, or not
  RUNNING, or closed, means that they are left out. They use a ticker in which nothing else is going on.
- Where the file names strategies, all of it goes to the address of one that would buy now, with its secret.
- Nothing is left behind: what still waits at the end of its step is cleared.
- The alert of the duplicate sells a ticker that no exchange has. It is refused and trades nothing, whatever the account.
- The message that is not understood is always the same one, so that the owner hears of it once an hour at most.
"""

import secrets
import statistics
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from ipaddress import ip_network
from urllib.parse import urlsplit

from rich.console import Console

from tradebot.cli import daemon_client, follow, sending
from tradebot.cli.selftest_strategy import choose
from tradebot.cli.webhook_calls import Answer, Caller, Unanswered
from tradebot.config import Settings
from tradebot.domain.alerts import WAITING, AlertStatus, Side
from tradebot.domain.settings import TradingState
from tradebot.errors import LedgerUnavailable, MigrationError
from tradebot.operations import queue
from tradebot.ports import Ledger
from tradebot.queries.alert_trail import AlertTrail, alert_trail
from tradebot.queries.trial import lots_of, untouched
from tradebot.queues import open_queue
from tradebot.webhook.access import TRADINGVIEW_ADDRESSES
from tradebot.webhook.routes import BODY_BYTES_MAX
from tradebot.words import figures

ACTOR = "selftest"
NO_TICKER = "TBTEST"  # six letters: no exchange has such a stock
LIQUID = ("F", "INTC", "BAC", "KO", "CSCO", "PLTR")  # a small amount buys a whole share
ANSWERS = 10
LOOPBACK = ("127.0.0.1", "::1", "localhost")
REFUSED_WITHIN_S = 15.0
_TRADINGVIEW = set(map(ip_network, TRADINGVIEW_ADDRESSES))
_NOBODY_HERE = Console(quiet=True)


class Outcome(StrEnum):
    """How a step ended."""

    PASSED = "passed"
    FAILED = "FAILED"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Step:
    """A step that was made. `figures`: numbers for `--json`."""

    name: str
    outcome: Outcome
    said: str
    figures: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Trial:
    """What is tried. `near`: the webhook on this machine; `outside`: as the world sees it, None where that is the same."""

    settings: Settings
    near: str
    outside: str | None
    secret: str = field(repr=False)
    tickers: Sequence[str] = LIQUID
    orders: bool = True
    timeout_s: float = 60.0
    parts: daemon_client.Parts = field(default_factory=dict)
    target: str = ""  # where strangers' messages and the duplicate are sent
    strategy: str | None = None  # whose alerts they are; None: the file names no strategies
    why_not: str | None = None  # no strategy would buy

    def __post_init__(self) -> None:
        self.target = self.near

    def choose_strategy(self, now: datetime) -> None:
        """Once it is known which are paused."""
        if not self.settings.strategy_sections:
            return
        paused = self.parts.get("trading", {}).get("paused_strategies")
        choice = choose(self.settings.strategies(), self.tickers, paused if isinstance(paused, list) else (), now)
        self.strategy, self.tickers, self.why_not = choice.strategy.name, choice.tickers, choice.why_not
        self.secret = daemon_client.secret(self.settings, self.strategy)

    def address(self, webhook: str) -> str:
        """The strategy's own, of this webhook."""
        return sending.of_strategy(webhook, self.strategy)


def _passed(name: str, said: str, **numbers: object) -> Step:
    return Step(name, Outcome.PASSED, said, numbers)


def _failed(name: str, said: str) -> Step:
    return Step(name, Outcome.FAILED, said)


def _left_out(name: str, said: str) -> Step:
    return Step(name, Outcome.LEFT_OUT, said)


async def steps(trial: Trial, call: Caller) -> AsyncIterator[Step]:
    """Each step as it is done. Raises ConfigError."""
    yield await _health(trial)
    trial.choose_strategy(datetime.now(UTC))
    if trial.outside is not None:
        yield await _from_outside(trial, trial.outside, call)
        yield await _health_from_outside(trial.outside, call)
    for name, body, status in _refused(trial.secret):
        yield await _refusal(name, trial.address(trial.target), body, status, call)
    try:
        async with daemon_client.open_database(trial.settings) as ledger:
            duplicate = await _duplicate(trial, ledger, call)
            yield duplicate
            async for step in _orders(trial, ledger, duplicate):
                yield step
    except (LedgerUnavailable, MigrationError) as error:
        yield _failed("database", f"{error}")


# --- without orders -----------------------------------------------------------------------------------------------------


async def _health(trial: Trial) -> Step:
    url = trial.near.replace("/webhook", "/health")
    parts = await daemon_client.health(url)
    if parts is None:
        return _failed("health", f"no daemon answers at {url}: is it running (tradebot run), with this configuration?")
    trial.parts = parts
    ill = {name: part.get("error") for name, part in parts.items() if not part.get("ok", True) and name != "telegram"}
    if ill:
        told = ", ".join(f"{name} ({error})" if error else name for name, error in ill.items())
        return _failed("health", f"not well: {told}. `tradebot status` says more")
    return _passed("health", f"200 at {url}: what arrives now is stored, judged and sent")


async def _from_outside(trial: Trial, url: str, call: Caller) -> Step:
    """Whether the road from the internet leads here, and what it lets through."""
    try:
        answer = await call.post(trial.address(url), _message("not the secret"))
    except Unanswered as error:
        return _failed("from outside", f"{url}: {error}")
    tradingview_only = set(map(ip_network, trial.settings.webhook.allowed_ips)) == _TRADINGVIEW
    outcome, said = what_it_proves(url, answer, tradingview_only=tradingview_only)
    if outcome is Outcome.PASSED and answer.status == HTTPStatus.UNAUTHORIZED:
        trial.target = url
    return Step("from outside", outcome, said)


def what_it_proves(url: str, answer: Answer, *, tradingview_only: bool) -> tuple[Outcome, str]:
    """Of a message with a wrong secret that was sent through the proxy."""
    outcome, said = Outcome.FAILED, f"answered {answer}; 403 or 401 is expected"
    match answer.status:
        case 403 | 401 if not _is_private(url):
            said = "the secret would travel readable over http: give TradingView an https address"
        case 403 if answer.error.startswith("The request came through a proxy"):
            said = f"{answer}"
        case 403 if answer.error:
            outcome = Outcome.PASSED
            said = (
                f"{_first_sentence(answer.error)} (403): name, certificate and proxy lead to this bot, and it sees who "
                "calls. The rest is tried on this machine"
            )
        case 403:
            outcome = Outcome.PASSED
            said = (
                "403 by the proxy itself: name and certificate are right, and it keeps strangers out. Whether it hands "
                "TradingView's alerts on, only an alert shows; the rest is tried on this machine"
            )
        case 401 if tradingview_only:
            said = (
                "the caller's address did not count, though only TradingView's may call: the proxy does not send "
                "X-Forwarded-For, so everybody who knows the secret may trade (docs/deploy has both proxies)"
            )
        case 401:
            outcome = Outcome.PASSED
            said = "this address may call (allowed_ips): what follows is sent through the proxy"
        case 404:
            said = "404: the proxy does not pass POST on to /webhook, or the path is another one"
        case 502 | 503 | 504:
            said = f"{answer}: the proxy does not reach the daemon. Is it up, on the proxy's port?"
    return outcome, said


def _is_private(url: str) -> bool:
    """Whether nobody on the way can read what is sent."""
    return url.startswith("https://") or urlsplit(url).hostname in LOOPBACK


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].rstrip(".")


async def _health_from_outside(url: str, call: Caller) -> Step:
    name = "health is private"
    try:
        answer = await call.get(url.replace("/webhook", "/health"))
    except Unanswered as error:
        return _failed(name, f"{error}")
    if "parts" in answer.said:
        return _failed(name, "everybody can read /health: let the proxy pass on POST /webhook alone")
    return _passed(name, f"/health answers {answer.status} from outside")


def _message(secret: str, **fields: object) -> Mapping[str, object]:
    return {"secret": secret, "action": Side.SELL, "ticker": NO_TICKER, **fields}


def _refused(secret: str) -> Sequence[tuple[str, Mapping[str, object] | bytes, int]]:
    return (
        ("wrong secret", _message("not the secret"), 401),
        ("invalid action", _message(secret, action="hold"), 400),
        ("bad JSON", b'{"action": "sell", ', 400),
        ("too large", b" " * (BODY_BYTES_MAX + 1), 413),
    )


async def _refusal(name: str, url: str, body: Mapping[str, object] | bytes, status: int, call: Caller) -> Step:
    try:
        answer = await call.post(url, body)
    except Unanswered as error:
        return _failed(name, f"{error}")
    if answer.status != status:
        return _failed(name, f"{status} is expected, and it is {answer}")
    return _passed(name, _first_sentence(str(answer)))


async def _duplicate(trial: Trial, ledger: Ledger, call: Caller) -> Step:
    """The same alert several times: stored once, and how long the answers took."""
    name, own_id = "duplicate", _own_id()
    try:
        target = trial.address(trial.target)
        answers = [await call.post(target, _message(trial.secret, alert_id=own_id)) for _ in range(ANSWERS)]
    except Unanswered as error:
        return _failed(name, f"{error}")
    said = [str(answer.said.get("status")) for answer in answers]
    numbers = {answer.said.get("alert_id") for answer in answers}
    if said != ["queued", *["duplicate"] * (ANSWERS - 1)] or len(numbers) != 1:
        wrong = next((answer for answer in answers if answer.status != 200), answers[-1])
        return _failed(name, f"the same alert {ANSWERS} times must be queued once: {', '.join(said)} ({wrong})")
    taken = sending.Taken("queued", int(str(numbers.pop())))
    sent = sending.Message(Side.SELL, NO_TICKER, None, own_id, trial.secret)
    trail = await _followed(trial, ledger, taken, sent, REFUSED_WITHIN_S)
    if trail is None:
        return _failed(name, "a daemon with another database took it: name its configuration with --config")
    if trail.alert.duplicates != ANSWERS - 1 or trail.trade is not None:
        return _failed(name, f"alert {taken.alert_id} counts {trail.alert.duplicates} repeats, and must make no order")
    return _passed(
        name, f"stored once, as alert {taken.alert_id}, and nothing traded; {_shown(answers)}", **_latency(answers)
    )


def _latency(answers: Sequence[Answer]) -> Mapping[str, object]:
    took = [answer.took_ms for answer in answers]
    return {"calls": len(took), "median_ms": round(statistics.median(took), 1), "worst_ms": round(max(took), 1)}


def _shown(answers: Sequence[Answer]) -> str:
    took = _latency(answers)
    return f"{took['calls']} answers, median {took['median_ms']} ms, worst {took['worst_ms']} ms"


def _own_id() -> str:
    return f"selftest-{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


async def _followed(
    trial: Trial, ledger: Ledger, taken: sending.Taken, sent: sending.Message, timeout_s: float
) -> AlertTrail | None:
    """To its end; what still waits then is cleared. None: it is in another database."""
    trail = await follow.to_its_end(ledger, taken, sent, timeout_s, _NOBODY_HERE)
    if trail is None or trail.alert.status not in WAITING or await _is_of_use(ledger, trail):
        return trail
    async with open_queue(trial.settings.queue.url.get_secret_value()) as listed:
        await queue.clear(ledger, listed, [taken.alert_id], ACTOR, datetime.now(UTC))
    return await alert_trail(ledger, taken.alert_id)


async def _is_of_use(ledger: Ledger, trail: AlertTrail) -> bool:
    """An exit of what is held may wait for the open: it must not be cleared."""
    side, ticker = trail.alert.action, trail.alert.ticker
    return side is Side.SELL and ticker is not None and bool(await lots_of(ledger, ticker))


# --- with orders --------------------------------------------------------------------------------------------------------


async def _orders(trial: Trial, ledger: Ledger, duplicate: Step) -> AsyncIterator[Step]:
    why_not = why_no_order(trial, datetime.now(UTC))
    if duplicate.outcome is Outcome.FAILED and why_not is None:
        why_not = "not before the duplicate passes"
    window = timedelta(seconds=trial.settings.trading.repeat_window_s + 1)
    ticker = await untouched(ledger, trial.tickers, datetime.now(UTC) - window)
    if why_not is None and ticker is None:
        why_not = (
            f"the bot holds {', '.join(trial.tickers)}, or something is going on there, and a SELL sells all of it: name "
            "another one with --ticker"
        )
    if why_not is not None or ticker is None:
        yield _left_out("BUY and SELL", why_not or "")
        return
    bought, trail = await _order(trial, ledger, Side.BUY, ticker)
    yield bought
    if trail is None or trail.trade is None or trail.alert.status is not AlertStatus.EXECUTED:
        return
    # By the order's own ticker: the books keep a renamed stock under its old one.
    if any(lot.opening_trade_id != trail.trade.id for lot in await lots_of(ledger, trail.trade.ticker)):
        yield _left_out("SELL", f"another alert bought {ticker} meanwhile: a SELL would sell that too")
        return
    sold, _ = await _order(trial, ledger, Side.SELL, ticker)
    yield sold


def why_no_order(trial: Trial, now: datetime) -> str | None:
    """Why BUY and SELL are not sent. What is not known keeps them from being sent."""
    broker, trading = trial.parts.get("broker", {}), trial.parts.get("trading", {})
    waiting, hours = trading.get("waiting_for"), trial.settings.trading.open_hours()
    because = {
        "as --no-orders says": not trial.orders,
        f"account {broker.get('account')} is LIVE: no order is sent with real money": broker.get("kind") == "live",
        "it is not known whether the account is a paper one: no order is sent": broker.get("kind") != "paper",
        f"trading is {trading.get('state')}: `tradebot resume`, then try again": (
            trading.get("state") != TradingState.RUNNING
        ),
        trial.why_not or "": trial.why_not is not None,
        f"no order leaves: {'; '.join(map(str, waiting)) if isinstance(waiting, list) else waiting}": bool(waiting),
        f"the market is closed and orders would wait for the open ({figures.market_time(hours.calendar.next_open(now))}): "
        "try again then": not hours.is_open(now),
    }
    return next((text for text, holds in because.items() if holds), None)


async def _order(trial: Trial, ledger: Ledger, side: Side, ticker: str) -> tuple[Step, AlertTrail | None]:
    sent = sending.Message(side, ticker, None, _own_id(), trial.secret)
    try:
        taken = await sending.send(sent, trial.address(trial.near))
        trail = await _followed(trial, ledger, taken, sent, trial.timeout_s)
    except sending.NotTaken as error:
        return _failed(side, str(error)), None
    if trail is None:
        return _failed(side, "a daemon with another database took it"), None
    return _judged(trial, trail, side, ticker), trail


def _judged(trial: Trial, trail: AlertTrail, side: Side, ticker: str) -> Step:
    alert, trade = trail.alert, trail.trade
    said = follow.summary(alert, trade)
    match alert.status:
        case AlertStatus.EXECUTED if trade is not None:
            took = {
                "order_s": (trade.created_at - alert.received_at).total_seconds(),
                "fill_s": ((trade.finished_at or trade.created_at) - alert.received_at).total_seconds(),
            }
            times = f"order after {took['order_s']:.2f} s, filled after {took['fill_s']:.2f} s"
            return _passed(side, f"{said}; {times}", **took)
        case AlertStatus.PENDING | AlertStatus.CLEARED if not trial.settings.trading.open_hours().is_open(
            datetime.now(UTC)
        ):
            return _left_out(side, f"the market has just closed. {said}")
        case AlertStatus.CLEARED:
            return _failed(
                side, f"not decided within {trial.timeout_s:.0f} s, and taken back: `tradebot status` says why"
            )
        case AlertStatus.PROCESSING | AlertStatus.UNKNOWN if side is Side.BUY:
            return _failed(side, f"{said}. Once it is filled: tradebot alert SELL {ticker}")
    return _failed(side, said)
