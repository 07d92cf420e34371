"""tradebot: trades TradingView alerts through Interactive Brokers."""

from importlib.metadata import version

__version__ = version("tradebot")
