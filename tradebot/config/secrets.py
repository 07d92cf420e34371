"""What makes a secret a secret: when one is too weak to start with, and how to speak of an address without the password in it."""

import re
from urllib.parse import unquote, urlsplit

SECRET_LENGTH_MIN = 16
DISTINCT_CHARACTERS_MIN = 6

# Words that stand in examples all over the web, this project's own included: nobody chose them as a secret.
_PLACEHOLDER = re.compile(
    r"<[^>]*>|\{\{|\.\.\.|…"
    r"|(change|replace)[-_ ]?(me|this|it)"
    r"|(your|my)[-_ ]?(own[-_ ]?)?((webhook|bot|telegram|db|database|redis)[-_ ]?)?(secret|token|password|passphrase|key)"
    r"|(secret|token|password)[-_ ]?(here|goes)|placeholder|example|x{6,}|(very|super|top)[-_ ]?secret|insecure|to[-_ ]?do",
    re.IGNORECASE,
)
TOKEN_SHAPE = re.compile(
    r"(?<!\d)\d{5,}:[A-Za-z0-9_-]{20,}|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"
)
"""A bot token of Telegram, and a signed one such as the API's."""
URL_PASSWORD_SHAPE = re.compile(r"(?<=://)([^\s:/@?#'\"]*):([^\s/?#'\"]+)(?=@)")


def weakness(secret: str) -> str | None:
    """Why this must not be used as a secret, without repeating it; None when it may be."""
    if secret != secret.strip() or not secret.isprintable():
        return "has blanks at its ends or characters that cannot be printed: a copying mistake?"
    if placeholder(secret):
        return "is a placeholder out of an example: put your own in its place (`openssl rand -hex 24` makes one)"
    if len(secret) < SECRET_LENGTH_MIN:
        return (
            f"has {len(secret)} characters; allowed are at least {SECRET_LENGTH_MIN} (`openssl rand -hex 24` makes one)"
        )
    if len(set(secret)) < DISTINCT_CHARACTERS_MIN:
        return "repeats a few characters and can be guessed (`openssl rand -hex 24` makes a good one)"
    return None


def placeholder(text: str) -> bool:
    return _PLACEHOLDER.search(text) is not None


def describe_url(url: str) -> str:
    """The address as people may see it: without password and without query, which can hold one too."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}"


def url_secrets(url: str) -> list[str]:
    """The password in an address, as it stands there and decoded, and every value of its query."""
    parts = urlsplit(url)
    password = parts.netloc.rpartition("@")[0].partition(":")[2]
    found = {password, unquote(password)}
    if "password" in parts.query:
        found |= {pair.partition("=")[2] for pair in parts.query.split("&") if pair.startswith("password=")}
    return sorted(found - {""})


def masked(text: str) -> str:
    """`text` without anything shaped like a bot token or a password in an address."""
    return URL_PASSWORD_SHAPE.sub(r"\1:***", TOKEN_SHAPE.sub("***", text))
