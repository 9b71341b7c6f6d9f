"""Dust Devil: an async server raised from the socket up."""

__version__ = "0.1.0"
