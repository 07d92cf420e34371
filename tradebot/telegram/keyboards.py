"""The keyboard under /start and /status: what is looked at most, shown in place of the message. Pure."""

from tradebot.telegram.markup import Buttons

SHOW = "show:"
"""Begins the data of a button that shows a view in place; its name follows."""


def home(current: str) -> Buttons:
    """`current`: the view that it stands under, which the first button shows anew."""
    return [
        [("🔄 Refresh", f"{SHOW}{current}"), ("📈 P&L", f"{SHOW}pnl")],
        [("📦 Positions", f"{SHOW}positions"), ("🧾 Orders", f"{SHOW}orders")],
        [("🛡 Risk", f"{SHOW}risk"), ("⏳ Queue", f"{SHOW}queue")],
        [("🔔 Last alert", f"{SHOW}last"), ("🩺 Health", f"{SHOW}health")],
    ]


def back(current: str) -> Buttons:
    """Under a view that was opened from there."""
    return [[("« Status", f"{SHOW}status"), ("🔄", f"{SHOW}{current}")]]
