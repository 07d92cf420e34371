"""Secrets that are made here: once, and kept in a file that only its owner may read.

The webhook's, where nobody configured one, and the key that the API's tokens are signed with.
"""

import os
import secrets
from pathlib import Path

from tradebot.config.secrets import weakness
from tradebot.config.settings import API_KEY_FILE, WEBHOOK_SECRET_FILE, Settings
from tradebot.errors import ConfigError


def webhook_secret(settings: Settings, file: Path = WEBHOOK_SECRET_FILE) -> str:
    """The configured secret, else the generated one. Two processes that start at once agree on one secret."""
    if settings.webhook.secret:
        return settings.webhook.secret.get_secret_value()
    try:
        secret = _kept(file)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"webhook.secret is not set and {file} cannot be used to keep a generated one ({error}): set webhook.secret, "
            "or let tradebot write there"
        ) from error
    if weak := weakness(secret):
        raise ConfigError(f"the secret in {file} {weak}; or delete the file to have a new one made")
    return secret


def api_key(file: Path = API_KEY_FILE) -> str:
    """What the API's tokens are signed with: another one makes every token worthless. Raises ConfigError."""
    try:
        key = _kept(file)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file}, which the API's tokens are signed with, cannot be used ({error}): let tradebot write there"
        ) from error
    if weak := weakness(key):
        raise ConfigError(f"the key in {file} {weak}; delete the file to have a new one made, and make the tokens anew")
    return key


def _kept(file: Path) -> str:
    """Made where it is not there. Raises OSError, UnicodeDecodeError."""
    if not file.exists():
        _make(file)
    if file.stat().st_mode & 0o077:
        file.chmod(0o600)
    return file.read_text(encoding="ascii").strip()


def _make(file: Path) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
            out.write(secrets.token_urlsafe(32) + "\n")
            out.flush()
            os.fsync(out.fileno())
        # A link appears whole or not at all, and never replaces the secret that another process has just made.
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
