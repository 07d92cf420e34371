"""The commands there are, as one table: /help, Telegram's own completion, the routers and the documentation go by it."""

from dataclasses import dataclass

from tradebot.words.limits import TITLES


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the chat."""

    name: str
    help: str
    example: str
    acts: bool = False  # changes something: acts once, and not when it was sent long ago
    of_strategy: bool = False  # takes a strategy's name
    more: str = ""  # what /help says of it besides

    def example_of(self, strategy: str) -> str:
        """The example, for one strategy: its name comes right after the command."""
        command, *rest = self.example.split(" ")
        return " ".join([command, strategy, *rest])


_ASKS = "It asks first, with what would be done."
GROUPS: dict[str, tuple[Command, ...]] = {
    "Now": (
        Command("status", "trading state, IB, cash, today", "/status", of_strategy=True),
        Command("positions", "what the bot holds", "/positions", of_strategy=True),
        Command("orders", "what works at IB, to cancel", "/orders", of_strategy=True),
        Command("queue", "alerts that wait", "/queue", of_strategy=True),
        Command("strategies", "each, with its switch", "/strategies", of_strategy=True),
        Command("market", "exchange hours, holidays ahead", "/market"),
    ),
    "Results": (
        Command("pnl", "today's profit and loss", "/pnl", of_strategy=True),
        Command("pnl_week", "the last seven days", "/pnl_week", of_strategy=True),
        Command("daily", "each of the last days", "/daily 7", more="Without a number seven, at most thirty."),
        Command("weekly", "each of the last weeks", "/weekly 4", more="Without a number four, at most 26."),
        Command("monthly", "each of the last months", "/monthly 6", more="Without a number six, at most 24."),
        Command("performance", "the account beside SPY", "/performance", of_strategy=True),
        Command("stats", "wins, slippage, latency, limits", "/stats", of_strategy=True),
        Command(
            "report",
            "a month as a page to keep",
            "/report 2026-11",
            more="Or a year, or all; without a word this month.",
        ),
        Command(
            "trades", "the newest trades", "/trades 20", of_strategy=True, more="Without a number ten, at most fifty."
        ),
        Command(
            "last", "the last alert, and its outcome", "/last", of_strategy=True, more="/last 10 lists the last ten."
        ),
        Command(
            "trace",
            "an alert's way, step by step",
            "/trace 12",
            more="By its number, its order's reference, or the message's own \"alert_id\".",
        ),
    ),
    "Limits": (
        Command("risk", "limits with their use, exposure", "/risk", of_strategy=True),
        Command("settings", "every limit and its use", "/settings", of_strategy=True),
        *(
            Command(
                limit.command,
                limit.help,
                f"/{limit.command} {limit.example}",
                acts=True,
                of_strategy=True,
                more="Without a value it shows the one in force and its range.",
            )
            for limit in TITLES
        ),
    ),
    "Control": (
        Command("pause", "no more BUY; SELL goes on", "/pause", acts=True, of_strategy=True),
        Command("resume", "lift the pause, or the kill", "/resume", acts=True, of_strategy=True),
        Command(
            "kill", "stop all trading at once", "/kill", acts=True, more="It asks nothing, and stores itself first."
        ),
        Command("block", "no BUY of a ticker; exits pass", "/block AAPL", acts=True),
        Command("unblock", "let a ticker be bought again", "/unblock AAPL", acts=True),
        Command(
            "sell",
            "sell a ticker, after a button",
            "/sell AAPL",
            acts=True,
            of_strategy=True,
            more=f"{_ASKS} Alone it offers what is held.",
        ),
        Command(
            "buy",
            "buy a ticker, after a button",
            "/buy AAPL 500",
            acts=True,
            of_strategy=True,
            more=f"{_ASKS} Every limit holds. Only where the file has allow_buy = true.",
        ),
        Command("sell_all", "sell all that the bot holds", "/sell_all", acts=True, of_strategy=True, more=_ASKS),
        Command("clear_queue", "drop the alerts that wait", "/clear_queue", acts=True, of_strategy=True, more=_ASKS),
    ),
    "The bot": (
        Command(
            "notify",
            "what is told, and how loud",
            "/notify fills silent",
            acts=True,
            more="Alone it shows each group with a button: on, silent or off.",
        ),
        Command("health", "each part, and what to do", "/health"),
        Command("logs", "newest warnings of the log", "/logs 10", more="Without a number five, at most thirty."),
        Command("version", "what runs, and since when", "/version"),
        Command("start", "what this is, and how it stands", "/start"),
        Command("help", "every command, or one of them", "/help sell"),
    ),
}
COMMANDS = tuple(command for group in GROUPS.values() for command in group)
NAMES = tuple(command.name for command in COMMANDS)
