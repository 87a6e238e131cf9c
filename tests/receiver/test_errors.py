"""Words that messages have in common."""

from receiver.errors import counted


def test_numbers_of_things() -> None:
    assert [counted(n, "frame") for n in (0, 1, 2, 1000)] == ["0 frames", "1 frame", "2 frames", "1000 frames"]
