"""Demodulators: samples to soft symbols, one modulation a module."""
