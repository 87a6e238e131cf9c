"""Frame sync and decoding: soft symbols to frames, one family of formats a module."""
