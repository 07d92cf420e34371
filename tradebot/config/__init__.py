"""The configuration: config.toml, then variables, then the credentials directory, as small frozen settings.

`load` is the only way in, and reads nothing but what it is given: no library reads the environment behind its back. A later
source wins: what systemd hands over as a credential is the most private and the most deliberate of the three.
Variables are those of the environment, and of a file `.env` beside config.toml.
Every mistake is reported at once, one line each: key, what was given (never a secret), what is allowed.
"""

from tradebot.config.environment import CONFIG_VARIABLE
from tradebot.config.loading import load
from tradebot.config.secrets import TOKEN_SHAPE, URL_PASSWORD_SHAPE, describe_url
from tradebot.config.settings import (
    API_KEY_FILE,
    DATA_DIR,
    GATEWAY_SOCKET,
    GATEWAY_STATE,
    WEBHOOK_SECRET_FILE,
    Broker,
    Database,
    Defaults,
    Key,
    Log,
    Owner,
    Queue,
    Schedule,
    Settings,
    Telegram,
    Trading,
    Webhook,
    keys,
)
from tradebot.config.webhook_secret import api_key, webhook_secret

__all__ = [
    "API_KEY_FILE",
    "CONFIG_VARIABLE",
    "DATA_DIR",
    "GATEWAY_SOCKET",
    "GATEWAY_STATE",
    "TOKEN_SHAPE",
    "URL_PASSWORD_SHAPE",
    "WEBHOOK_SECRET_FILE",
    "Broker",
    "Database",
    "Defaults",
    "Key",
    "Log",
    "Owner",
    "Queue",
    "Schedule",
    "Settings",
    "Telegram",
    "Trading",
    "Webhook",
    "api_key",
    "describe_url",
    "keys",
    "load",
    "webhook_secret",
]
