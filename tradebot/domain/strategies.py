"""Strategies: whose lots, limits and orders they are."""

MAIN = "main"
"""The strategy that there is where none is configured."""
