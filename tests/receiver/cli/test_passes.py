"""The command `radome passes`."""

from __future__ import annotations

from pathlib import Path

import pytest

from receiver.cli import main

TLE = """\
SUOMI-100
1 43804U 18099AY  19312.63974356 -.00000043  00000-0  13601-5 0  9999
2 43804  97.7300  22.7185 0014609 207.1414 152.9045 14.95350049 50798
"""


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "suomi.tle"
    path.write_text(TLE)

    def call(*options: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as done:
            main(["passes", str(path), *options])
        out, err = capsys.readouterr()
        return int(str(done.value.code)), out, err

    return call


def test_passes(run) -> None:
    status, out, err = run(
        "--station", "56.31,38.13,200", "--start", "2019-11-13", "--hours", "12", "--elevation", "15"
    )
    assert (status, err) == (0, "")
    rows = [line.split("\t") for line in out.splitlines()]
    assert [row[4] for row in rows] == ["66", "21"]
    name, rise, _, top, _, azimuth, end, _ = rows[0]
    assert (name, top, azimuth) == ("SUOMI-100 (43804)", "2019-11-13T08:19:24Z", "103")
    assert "2019-11-13T08:15" < rise < top < end < "2019-11-13T08:24"


def test_a_pass_under_way(run) -> None:
    _, out, _ = run(
        "--station", "56.31,38.13", "--start", "2019-11-13T08:16:00", "--hours", "0.1", "--satellite", "43804"
    )
    assert [cell == "-" for cell in out.strip().split("\t")] == [False, True, True, False, False, False, True, True]


@pytest.mark.parametrize(
    "option",
    ["--hours nan", "--hours 0", "--hours 1e9", "--elevation nan", "--elevation 91", "--start noon"]
    + [f"--start {year}-01-01" for year in ("0001", "1900", "2300", "9999")],
)
def test_values_that_cannot_be(option: str, run) -> None:
    status, out, err = run("--station", "56,38", *option.split())
    assert (status, out) == (2, "")
    assert err.splitlines()[-1].startswith(f"Error: Invalid value for '{option.split()[0]}'")


def test_one_satellite_of_another_name(run) -> None:
    """It is taken, as it is the only one, which is said."""
    words = ["--station", "56.31,38.13,200", "--start", "2019-11-13", "--hours", "12"]
    found = run(*words, "--satellite", "suomi 100")
    assert found[2] == ""
    status, out, err = run(*words, "--satellite", "nothing")
    assert (status, out) == found[:2]
    assert "holds the elements of SUOMI-100 (43804), not of nothing" in err


def test_what_must_be_mended(run, tmp_path: Path) -> None:
    status, out, err = run("--start", "2019-11-13")
    assert (status, out) == (2, "")
    assert err == "radome: the station is not known; give --station latitude,longitude,altitude\n"
    status, out, err = run("--station", "56,38", "--start", "2029-11-13", "--hours", "0.01")
    assert (status, out) == (0, "")
    assert "days before the time in question" in err
    assert "no pass above 0 degrees" in err
