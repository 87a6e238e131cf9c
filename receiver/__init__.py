"""Radome: a satellite ground-station receiver."""

__version__ = "0.1.0"
