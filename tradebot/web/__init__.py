"""The second listener, `[web]`: what people and their programs look at and steer the bot with; opened by `serving`.

Nothing is imported here: the command line makes tokens and passwords without the pages.
"""
