"""``python -m receiver`` is ``radome``."""

from .cli import main

main()
