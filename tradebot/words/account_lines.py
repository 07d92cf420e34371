"""Protection, positions, what the owner changed and the connection to IB, as a message says it: the line that is seen first, and
what it leaves out. Pure."""

from collections.abc import Mapping

from tradebot.domain.events import Event, EventKind, NewEvent
from tradebot.domain.facts import account as f
from tradebot.domain.facts import daemon as d
from tradebot.domain.facts import orders as o
from tradebot.domain.gate import GateCode
from tradebot.domain.questions import PAST
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import OrderRole
from tradebot.words import account_events, protection_events, strategies
from tradebot.words.figures import local, seconds, shares, some, target, terms
from tradebot.words.gate import few
from tradebot.words.limits import BY_NAME, value_text
from tradebot.words.said import Said, Says

# --- protection -----------------------------------------------------------------------------------------------------


def _works(facts: o.ProtectionWorks, _: Event | NewEvent) -> Said:
    levels = [terms(facts.stop)] if facts.stop else []
    levels += [target(facts.target)] if facts.target else []
    without = "" if facts.stop else "No stop sells these shares."
    return Said(f"🛡 {shares(facts.filled_qty)} {facts.ticker}: {', '.join(levels)}", without)


def _unprotected(facts: o.SharesUnprotected, _: Event | NewEvent) -> Said:
    why, what, words = protection_events.why_not(facts)
    said = f"IB said: {words.rstrip('. ')}.\n" if words else ""
    return Said(f"❗ {shares(facts.left)} {facts.ticker} NOT PROTECTED", f"{said}{why[0].upper()}{why[1:]}.\n{what}.")


def _placed(facts: o.ProtectionPlaced, _: Event | NewEvent) -> Said:
    what = facts.role.lower() if facts.order_terms is None else protection_events.named(facts)
    which = f" IB calls it {facts.terms}." if facts.order_terms is None else ""
    return Said(
        f"🛡 {shares(facts.requested_qty)} {facts.ticker}: {what} again",
        f"It is placed anew: the one before it had ended, and the shares are held.{which}",
    )


def _protection_changed(facts: o.ProtectionChanged, _: Event | NewEvent) -> Said:
    why = protection_events.why_changed(facts)
    reason = f"{why[0].upper()}{why[1:]}."
    if facts.was is None or facts.was_qty is None or facts.order_terms is None:
        return Said(
            f"🛡 {facts.ticker}: its {facts.role.lower()} has changed", f"{facts.before} → {facts.after}. {reason}"
        )
    said = target if facts.role == OrderRole.TARGET else terms
    now, was = said(facts.order_terms), said(facts.was)
    if facts.before == facts.after:
        return Said(
            f"🛡 {shares(facts.requested_qty)} {facts.ticker}: {now} again",
            "It had another size at IB, not by the bot, and gets this one: so many shares are held.",
        )
    before = [] if now == was else [was]
    before += [] if facts.requested_qty == facts.was_qty else [f"for {shares(facts.was_qty)}"]
    return Said(f"🛡 {shares(facts.requested_qty)} {facts.ticker}: {now} now", f"Before: {' '.join(before)}. {reason}")


def _sold_beyond(facts: o.SoldBeyond, _: Event | NewEvent) -> Said:
    return Said(
        f"❗ Sold {shares(facts.beyond)} {facts.ticker} too many",
        "More than the books held: two orders have sold the same.\n"
        "Compare with TWS: if the account is short of them, buy them back there. The bot never does.",
    )


# --- positions ------------------------------------------------------------------------------------------------------


def _written_off(facts: f.WrittenOff, event: Event | NewEvent) -> Said:
    whose = f" of strategy {facts.strategy}" if facts.strategy else ""
    return Said(
        f"✏️ {shares(facts.qty)} {facts.ticker} written off",
        f"IB shows fewer than the books held{whose}; accepted by {event.actor}.\nTheir P&L counts nowhere. "
        f"{account_events.what_else(facts)}",
    )


def _exit_incomplete(facts: f.ExitIncomplete, _: Event | NewEvent) -> Said:
    why, what = account_events.why_left(facts)
    return Said(f"❗ {shares(facts.qty)} {facts.ticker} left by an exit", f"{why}{what}")


def _held_back(facts: f.ExitsHeldBack, _: Event | NewEvent) -> Said:
    return Said(
        "❗ Exits that the kill has stopped",
        f"Still held: {account_events.held(facts)}.\n"
        "They are not sold by themselves: press the button, or send a SELL alert for each.",
    )


def _orphans(facts: f.OrphanOrder, _: Event | NewEvent) -> Said:
    return Said(
        "🟡 Nothing is traded: strange orders",
        f"At IB, and not in this database: {few(facts.orders)}.\n"
        "An old backup, or another tradebot on this account? If you are sure, `tradebot resume` accepts them.",
    )


def _mismatch(facts: f.Mismatch, _: Event | NewEvent) -> Said:
    row = facts.position
    whose = account_events.parts(row.by_strategy)
    return Said(
        f"❗ {row.ticker}: books {shares(row.booked)}, IB {shares(row.at_ib)}",
        f"BUY of it is blocked until they agree{whose}.\n{account_events.likely_cause(row)} Compare with TWS, then accept IB's "
        "figure.",
    )


def _owners(facts: f.OwnerHoldings, _: Event | NewEvent) -> Said:
    row = facts.position
    whose = account_events.parts(row.by_strategy)
    if not row.booked:
        return Said(
            f"👤 {row.ticker}: {shares(row.owners)} your own", "The bot holds none of it, and never touches yours."
        )
    split = f" {account_events.likely_cause(row)}" if account_events.may_be_split(row) else ""
    return Said(
        f"👤 {row.ticker}: {shares(row.owners)} of {shares(row.at_ib)} your own",
        f"The others are the bot's{whose}. Your own are never touched.{split}",
    )


def _split(what: str) -> Says:
    def say(facts: f.SplitSeen | f.SplitBooked | f.SplitDenied, event: Event | NewEvent) -> Said:
        split = facts.split
        ratio = "a new contract" if split.new == split.old else f"{split.new} for {split.old}"
        return Said(what.format(facts.ticker, ratio), account_events.of_a_split(facts, event))

    return say


def _renamed(facts: f.Renamed, _: Event | NewEvent) -> Said:
    return Said(
        f"🏷 {facts.ticker} is {facts.new_ticker} at IB now",
        f"What is held stays {facts.ticker}: a SELL alert for either name sells it, a BUY needs the new one.\n"
        "Change the ticker in TradingView when you like.",
    )


def _compared(facts: f.PositionsCompared, event: Event | NewEvent) -> Said:
    missing = [row.ticker for row in facts.positions if row.missing]
    first = f"❗ Books and IB differ: {', '.join(missing)}" if missing else "⚖️ Books and IB agree"
    return Said(first, "\n".join(map(account_events.line, facts.positions)))


# --- what the owner changed -----------------------------------------------------------------------------------------

_STATES = {
    TradingState.RUNNING: Said("✅ Trading resumed", "BUY and SELL alerts are executed."),
    TradingState.PAUSED: Said("🟡 Paused: SELL only", "BUY alerts are blocked until `tradebot resume`."),
    TradingState.KILLED: Said(
        "⛔ KILLED: nothing is traded",
        "Entries and exits at work are cancelled, stops and targets stay at IB. `tradebot resume` lifts it.",
    ),
}


def _state(facts: f.StateChanged, event: Event | NewEvent) -> Said:
    if facts.strategy is None:
        said = _STATES[facts.to]
        paused = strategies.still_paused(facts.still_paused)
        return Said(said.first, f"{said.below}{paused} Was {facts.before}; changed by {event.actor}.")
    by = f"Changed by {event.actor}."
    if facts.to is TradingState.RUNNING:
        return Said(f"✅ Strategy {facts.strategy} resumed", f"Its BUY and SELL alerts are executed. {by}")
    return Said(
        f"🟡 Strategy {facts.strategy} paused: SELL only",
        f"Its BUY alerts are blocked until `tradebot resume --strategy {facts.strategy}`. {by}",
    )


def _setting(facts: f.SettingChanged, event: Event | NewEvent) -> Said:
    title = BY_NAME.get(facts.name)
    if title is None:  # of another version
        return Said(f"⚙️ {facts.name}: {facts.to}", f"Was {facts.before}; changed by {event.actor}.")
    before = "none of its own" if facts.before is None else value_text(facts.name, facts.before)
    whose = f"Of strategy {facts.strategy}. " if facts.strategy else ""
    return Said(
        f"⚙️ {title.heading}: {value_text(facts.name, facts.to)}", f"{whose}Was {before}; changed by {event.actor}."
    )


def _token(facts: d.ApiTokenChanged, event: Event | NewEvent) -> Said:
    if facts.revoked:
        return Said(
            "⚙️ An API token is revoked", f"{facts.token} ({facts.name}), by {event.actor}: it opens nothing any more."
        )
    return Said(
        f"⚠️ New API token, scope {facts.scope}",
        f"{facts.name}, by {event.actor}. Not you? `tradebot token revoke {facts.token}`.",
    )


def _block(facts: f.TickerBlock, event: Event | NewEvent) -> Said:
    if facts.blocked:
        return Said(
            f"🟡 No BUY of {facts.ticker}", f"Until /unblock {facts.ticker} in the chat. Blocked by {event.actor}."
        )
    return Said(f"✅ BUY of {facts.ticker} is free again", f"By {event.actor}.")


def _telling(facts: f.TellingChanged, event: Event | NewEvent) -> Said:
    return Said(f"⚙️ Told of {facts.group}: {facts.to}", f"In the chat. Was {facts.before}; changed by {event.actor}.")


def _reassigned(facts: f.Reassigned, event: Event | NewEvent) -> Said:
    moved = "\n".join(map(strategies.moved_line, facts.moved))
    return Said(
        f"⚙️ Reassigned: {facts.from_strategy} → {facts.to_strategy}",
        f"By {event.actor}:\n{moved}",
    )


# --- the connection to IB -------------------------------------------------------------------------------------------


def _connected(facts: f.BrokerConnected, _: Event | NewEvent) -> Said:
    away = "" if facts.away_s is None else f" after {seconds(facts.away_s)}"
    if facts.account is None:
        return Said(f"🔌 IB is back{away}", "Orders and positions are being compared.")
    kind = "PAPER account" if facts.paper else "LIVE account, REAL MONEY"
    return Said(f"🔌 IB connected{' again' if away else ''}{away}", f"{kind} {facts.account}.")


def _lost(facts: f.BrokerLost, _: Event | NewEvent) -> Said:
    why = f"{facts.why_not[0].upper()}{facts.why_not[1:].rstrip('.')}.\n" if facts.why_not else ""
    return Said(f"🟡 IB away for {seconds(facts.away_s)}: alerts wait", f"{why}No alert is lost; orders at IB live on.")


def _unreachable(facts: f.BrokerUnreachable, _: Event | NewEvent) -> Said:
    return Said(
        "🟡 IB out of reach: nothing is traded",
        f"{some(facts.attempts, 'attempts')} ({facts.reason}); slow ones go on.\n"
        "Is IB Gateway running and logged in? Compare its API port with `[broker]`.",
    )


_REFUSED: Mapping[str, str] = {
    GateCode.ACCOUNT_NOT_TRADED: "this account",
    GateCode.OTHER_ACCOUNT: "other account",
    GateCode.HOURS_ALWAYS: "its hours",
    GateCode.READ_ONLY: "API read-only",
    GateCode.UNKNOWN_ORDER: "unknown order",
    GateCode.ORPHANS: "strange orders",
}


def _refused(facts: f.TradingRefused, _: Event | NewEvent) -> Said:
    why = _REFUSED.get(facts.code, "it needs you")
    return Said(f"🟡 Nothing is traded: {why}", account_events.gate_refused(facts))


def _silent(facts: f.QuestionSilent, _: Event | NewEvent) -> Said:
    how = "It answers with nothing since" if facts.empty else "Since"
    waits = "no BUY leaves, a SELL only where books and IB agree" if facts.question in PAST else "SELLs wait"
    return Said(
        f"🟡 IB is silent about {facts.question}",
        f"{how} {local(facts.since)}: {waits}.\nRestart IB Gateway. If it stays silent, see /health.",
    )


def _answered(facts: f.QuestionAnswered, event: Event | NewEvent) -> Said:
    away = seconds((event.at - facts.since).total_seconds())
    return Said(f"✅ IB answers about {facts.question} again", f"After {away}. Books and IB are compared.")


def _clock_off(facts: f.ClockOff, _: Event | NewEvent) -> Said:
    way = "ahead of" if facts.ahead_s > 0 else "behind"
    return Said(
        f"⚠️ Clock {seconds(abs(facts.ahead_s))} {way} IB Gateway's",
        "The age of alerts, the open and the close go by this machine's.\n"
        "Set it right (`timedatectl` shows how it is), or the gateway's machine.",
    )


LINES: dict[EventKind, Says] = {
    EventKind.PROTECTION_WORKS: _works,
    EventKind.SHARES_UNPROTECTED: _unprotected,
    EventKind.PROTECTION_PLACED: _placed,
    EventKind.PROTECTION_CHANGED: _protection_changed,
    EventKind.SOLD_BEYOND: _sold_beyond,
    EventKind.WRITTEN_OFF: _written_off,
    EventKind.EXIT_INCOMPLETE: _exit_incomplete,
    EventKind.EXITS_HELD_BACK: _held_back,
    EventKind.ORPHAN_ORDER: _orphans,
    EventKind.MISMATCH: _mismatch,
    EventKind.OWNER_HOLDINGS: _owners,
    EventKind.SPLIT_SEEN: _split("❗ Was {} split, {}?"),
    EventKind.SPLIT_BOOKED: _split("✏️ Split of {} booked, {}"),
    EventKind.SPLIT_DENIED: _split("✏️ No split of {}, {}"),
    EventKind.RENAMED: _renamed,
    EventKind.POSITIONS_COMPARED: _compared,
    EventKind.STATE_CHANGED: _state,
    EventKind.SETTING_CHANGED: _setting,
    EventKind.API_ACCESS: _token,
    EventKind.TICKER_BLOCK: _block,
    EventKind.TELLING_CHANGED: _telling,
    EventKind.REASSIGNED: _reassigned,
    EventKind.BROKER_CONNECTED: _connected,
    EventKind.BROKER_LOST: _lost,
    EventKind.BROKER_UNREACHABLE: _unreachable,
    EventKind.TRADING_REFUSED: _refused,
    EventKind.TRADING_ALLOWED: lambda _f, _e: Said(
        "✅ Orders are taken again", "The gateway's Read-Only API is off. What waited goes on."
    ),
    EventKind.QUESTION_SILENT: _silent,
    EventKind.QUESTION_ANSWERED: _answered,
    EventKind.CLOCK_OFF: _clock_off,
}
