"""Frames to the packets that are in them."""
