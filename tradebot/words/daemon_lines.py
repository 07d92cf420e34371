"""The day, its reports and the daemon, as a message says it: the line that is seen first, and what it leaves out. Pure."""

from tradebot.domain.events import Event, EventKind, NewEvent
from tradebot.domain.facts import daemon as d
from tradebot.domain.facts import performance as p
from tradebot.words import daemon_events, daily_report, health_events, performance
from tradebot.words.figures import local, market_time, seconds, signed_usd, some
from tradebot.words.said import Said, Says


def _market_open(facts: d.MarketOpen, _: Event | NewEvent) -> Said:
    waited = [f"{facts.sells} SELL" if facts.sells else "", f"{facts.buys} BUY" if facts.buys else ""]
    go_on = f", {' and '.join(filter(None, waited))} go on" if any(waited) else ""
    early = f", early: {facts.early}" if facts.early else ""
    expired = f"\n{some(facts.expired, 'alerts')} had waited too long and expired." if facts.expired else ""
    return Said(f"🔔 Market open{go_on}", f"Until {market_time(facts.closes)}{early}.{expired}")


def _daily(facts: d.DailyReport, _: Event | NewEvent) -> Said:
    return Said(f"📊 {signed_usd(facts.net)} today, {facts.buys} BUY, {facts.sells} SELL", daily_report.below(facts))


def _period(facts: p.PeriodReport, event: Event | NewEvent) -> Said:
    which = "week" if facts.kind is EventKind.WEEKLY_REPORT else "month"
    account = "" if facts.earned is None else f", account {performance.signed(facts.earned)}"
    _, _, below = performance.period(facts, event).partition("\n")
    return Said(f"📊 {signed_usd(facts.net)} this {which}{account}", below)


def _crossed(facts: p.ThresholdCrossed, _: Event | NewEvent) -> Said:
    return Said(f"⚠️ {performance.with_value(facts)}", performance.beyond(facts))


def _within(facts: p.ThresholdBack, _: Event | NewEvent) -> Said:
    limit = performance.threshold_value(facts.threshold, facts.limit)
    whose = f"Of strategy {facts.strategy}. " if facts.strategy else ""
    return Said(
        f"✅ {performance.with_value(facts)}",
        f"{whose}Back within your limit, {limit}. It was crossed {local(facts.since)}.",
    )


def _failing(facts: d.HealthFailing, event: Event | NewEvent) -> Said:
    lasting = (event.at - facts.since).total_seconds()
    since = f" for {seconds(lasting)}" if lasting else ""
    return Said(f"❗ {health_events.name(facts.part)}: not well{since}", health_events.why_and_what(facts))


def _back(facts: d.HealthBack, event: Event | NewEvent) -> Said:
    away = seconds((event.at - facts.since).total_seconds())
    return Said(f"✅ {health_events.name(facts.part)}: well again", f"After about {away}.")


def _channel_failing(facts: d.ChannelFailing, event: Event | NewEvent) -> Said:
    lasting = seconds((event.at - facts.since).total_seconds())
    gone = "What it refused, or what waited for a day, is given up" if facts.is_given_up else "What is for it waits"
    return Said(
        f"⚠️ Channel {facts.channel} silent for {lasting}",
        f"{facts.error}. {gone}. `tradebot deliveries --channel {facts.channel}` shows what.",
    )


def _channel_back(facts: d.ChannelBack, event: Event | NewEvent) -> Said:
    away = seconds((event.at - facts.since).total_seconds())
    return Said(f"✅ Channel {facts.channel} takes messages", f"Again, after about {away}.")


def _login(facts: d.LoginReminder, event: Event | NewEvent) -> Said:
    lasts = f"A login lasts until {local(facts.dies)}."
    if facts.connected and facts.since is not None and facts.since >= facts.ended:
        return Said("🔑 IB's weekly login: done, it seems", f"IB is connected since {local(facts.since)}.\n{lasts}")
    state = "It is still connected, and may drop out at the open." if facts.connected else "IB is NOT connected."
    to_open = seconds((facts.opens - event.at).total_seconds())
    return Said(
        "🔑 Log in to IB Gateway now",
        f"{state}\nHave the second factor ready. {lasts}\nThe market opens in {to_open}.",
    )


def _job_failed(facts: d.JobFailed, _: Event | NewEvent) -> Said:
    why = daemon_events.why_failed(facts)
    then = "" if facts.next_run is None else f"\nIts next run is {local(facts.next_run)}; the other jobs go on."
    return Said(
        f"⚠️ The {facts.job.replace('_', ' ')} failed",
        f"That of {', '.join(map(local, facts.slots))}: {why}.{then}",
    )


def _job_missed(facts: d.JobMissed, _: Event | NewEvent) -> Said:
    named = daemon_events.named(facts)
    return Said(
        f"⚠️ The {facts.job.replace('_', ' ')} was missed",
        f"That of {named}: the bot was down, and it comes too late now.",
    )


def _stuck(facts: d.ComponentStuck, _: Event | NewEvent) -> Said:
    what_now = (
        "It is started anew within two minutes" if facts.restarts else "Nothing restarts it here: start it anew, now"
    )
    return Said(
        f"❗ Stuck for {seconds(facts.for_s)}: {facts.component}",
        f"{what_now}. No alert and no order is lost.\nIt is a mistake in tradebot: please report it, with the log.",
    )


def _started(facts: d.Started, _: Event | NewEvent) -> Said:
    return Said(
        f"🚀 tradebot {facts.version} started",
        f"On {daemon_events.where(facts)}.\nOrders leave once books and IB are compared.",
    )


def _stopped(facts: d.Stopped, _: Event | NewEvent) -> Said:
    then = "Its orders wait for the next start" if facts.gateway is None else "Orders at IB live on"
    return Said(f"🟡 tradebot {facts.version} stopped", f"It was on {daemon_events.where(facts)}. {then}.")


LINES: dict[EventKind, Says] = {
    EventKind.MARKET_OPEN: _market_open,
    EventKind.DAILY_REPORT: _daily,
    EventKind.WEEKLY_REPORT: _period,
    EventKind.MONTHLY_REPORT: _period,
    EventKind.THRESHOLD_CROSSED: _crossed,
    EventKind.THRESHOLD_BACK: _within,
    EventKind.HEALTH_FAILING: _failing,
    EventKind.HEALTH_BACK: _back,
    EventKind.CHANNEL_FAILING: _channel_failing,
    EventKind.CHANNEL_BACK: _channel_back,
    EventKind.LOGIN_REMINDER: _login,
    EventKind.JOB_FAILED: _job_failed,
    EventKind.JOB_MISSED: _job_missed,
    EventKind.COMPONENT_STUCK: _stuck,
    EventKind.QUEUE_JUNK: lambda f, _: Said(
        f"🧹 {f.entries:,} foreign {'entry' if f.entries == 1 else 'entries'} in the queue",
        f"In {f.queue}, not by this bot, and dropped. No alert is lost.\n"
        "Something else writes there: give the bot a queue of its own (`[queue] url`).",
    ),
    EventKind.STARTED: _started,
    EventKind.STOPPED: _stopped,
}
