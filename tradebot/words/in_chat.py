"""Where a person does something about it: in the chat by its command, elsewhere by the command line. Pure.

Rules: words are written for a reader who may be anywhere, so that a mail, the log or a page is right as it stands. What the
command line can do is `tradebot resume --strategy ema`, what only the chat can, /block AAPL in the chat. The chat alone is told
it in its own form, which a finger can press: /resume ema, /block AAPL.
"""

import re

_COMMAND_LINE = re.compile(
    r"`?\btradebot (pause|resume|kill|status|orders|positions|pnl|performance|stats|trace)\b(?! -)`?"
    r"|`?\btradebot (pause|resume) --strategy ([\w-]+)`?"
)
"""What the chat has too, under the same name."""
_ONLY_THERE = re.compile(r"(/[a-z_]+(?: \S+){0,2}?) in the chat\b")


def in_chat(text: str) -> str:
    """The same, for a reader who is in the chat."""
    return _ONLY_THERE.sub(r"\1", _COMMAND_LINE.sub(_pressed, text))


def _pressed(found: re.Match[str]) -> str:
    whole, one, strategy = found.groups()
    return f"/{whole}" if whole else f"/{one} {strategy}"
