"""Channels against real servers."""
