"""Orbital elements and a station, to range rate at a time."""
