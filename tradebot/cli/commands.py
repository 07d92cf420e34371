"""The commands in the order in which people need them: the module of each, and what the list of them says of it.

A command's module is loaded when the command is called: `--help` and `--version` answer without the rest of the program.
"""

from collections.abc import Mapping

COMMANDS: Mapping[str, tuple[str, str]] = {
    "run": ("run", "Run the daemon until it is stopped (Ctrl-C, SIGTERM)."),
    "alert": ("alert", "Send a real alert and follow it through the database to its end, with times."),
    "template": (
        "template",
        "Show the message to paste into TradingView's alert, the webhook's URL, and the lines of Pine that send the same.",
    ),
    "lint-alert": (
        "lint_alert",
        "Say how an alert's message is read, field by field, what would be done, and what would be refused.",
    ),
    "status": ("show", "Show the trading state, queue, orders, positions and today's figures, and how the daemon is."),
    "alerts": ("lists", "List the newest alerts, the newest last: id, time, what it wanted, and what became of it."),
    "orders": (
        "lists",
        "List orders that work, are in flight or UNKNOWN and those of today, New York's date; the newest last.",
    ),
    "positions": ("lists", "List what the bot holds, by contract, and what was realised today, New York's date."),
    "pnl": (
        "pnl",
        "List what each day has realised, New York's dates: net P&L, commissions paid, orders filled, lots won and lost.",
    ),
    "performance": (
        "performance",
        "Show how the account and each strategy did, beside SPY and by month. Example: `tradebot performance --period 2026-11`",
    ),
    "stats": (
        "performance",
        "Show what was won and lost, what the road costs, how long it takes, and your limits. Example: `tradebot stats`",
    ),
    "report": (
        "performance",
        "Write a period's performance as one HTML page to keep. Example: `tradebot report --month 2026-11 --out november.html`",
    ),
    "trace": (
        "trace",
        "Show one alert's life: message, checks, quote, orders, fills, lots, every step with its time, and who was told.",
    ),
    "logs": (
        "logs",
        "Show the newest lines of the log files, those that are full included, in UTC as the console has them.",
    ),
    "jobs": (
        "jobs",
        "Show each scheduled job: its line in the configuration, its last run and its next, New York time.",
    ),
    "deliveries": (
        "deliveries",
        "List the newest deliveries, the newest last: event, channel, what became of it, attempts, and the last error.",
    ),
    "channels": ("deliveries", "Try a configured channel."),
    "doctor": (
        "doctor",
        "Check this installation: each thing with what was found and how to put it right. Changes and sends nothing.",
    ),
    "selftest": (
        "selftest",
        "Try the running bot from outside: what it refuses, a duplicate, and on a paper account a BUY and its SELL.",
    ),
    "pause": ("trading", "Take no more BUY alerts; SELL alerts are executed as before. KILLED stays KILLED."),
    "resume": ("trading", "Lift a pause or the kill switch. From KILLED you say what to resume."),
    "kill": (
        "trading",
        "Trade nothing from now on; the daemon cancels its entries and exits. Positions stay, and what protects them.",
    ),
    "split": ("splits", "Say whether it was a split, as the button in the chat does. Example: `tradebot split AAPL`"),
    "reassign": (
        "reassign",
        "Give what a strategy has traded to another one, lots and history; the daemon must not run.",
    ),
    "backup": (
        "backup",
        "Make a backup of the database, beside a running daemon. Example: `tradebot backup /var/backups/tradebot --keep 14`",
    ),
    "restore": (
        "backup",
        "Put a backup in the place of the database; the daemon must not run. The old database is kept.",
    ),
    "export": (
        "export",
        "Write lots, orders or executions for the tax return. Example: `tradebot export --csv --year 2026 --out lots-2026.csv`",
    ),
    "token": (
        "token",
        "Make a token of the API, list or revoke them. Example: `tradebot token --scope read --days 30 --name grafana`",
    ),
    "password": (
        "password",
        "Make of the dashboard's password what web.password_hash takes. Example: `tradebot password`",
    ),
    "migrate": ("admin", "Make, undo or show the database's tables."),
    "drill": (
        "drill",
        "Measure a take-over: watches while you end the instance that trades, until the standby trades.",
    ),
    "simgateway": (
        "simgateway",
        "Run a simulated IB Gateway that speaks the TWS protocol. No real money, invented quotes.",
    ),
    "price": ("price", "Move the simulated market: bid, ask and last price of a stock go there and stand still."),
}
