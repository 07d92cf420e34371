"""The chat: commands in, events out, over Telegram's Bot API. The only importer of aiogram.

Rules: nothing here delays an order or ends the daemon; everything sent to the chat is escaped HTML; who may speak is decided
once, at the root router. Importing this package takes seconds: the daemon does so late, in a thread, and only with a token.
"""

from tradebot.telegram.serving import TelegramOptions, serve

__all__ = ["TelegramOptions", "serve"]
