"""The common design of a bridge from TradingView to IB, as most are written: a FastAPI webhook stores the alert by SQLAlchemy and
pushes it to a Redis list; a second process polls that list, and places the order through ib_async. It checks the secret and the
message's form, and nothing else: no quote, no limits, no intent that would outlive a crash, no second look for a repeat."""
