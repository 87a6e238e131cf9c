"""``python -m receiver`` is ``radome``."""

from .cli import main

if __name__ == "__main__":  # a process that is started by another imports this, too
    main()
