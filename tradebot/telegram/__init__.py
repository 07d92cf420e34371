"""The chat: commands in, events out, over Telegram's Bot API. The only importer of aiogram.

Rules: nothing here delays an order or ends the daemon; everything sent to the chat is escaped HTML; who may speak is decided
once, at the root router. Importing `serving` takes seconds: the daemon does so late, in a thread, and only with a token. The
modules of texts need none of that.
"""
