"""No chain decodes worse than recorded: the short form of `benchmarks/sensitivity.py`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.benchmarks import load


@pytest.fixture(scope="module")
def benchmark() -> Any:
    return load("sensitivity")


def test_half_of_the_frames_at_the_recorded_noise(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    status = benchmark.main(["--short"])
    assert status == 0, capsys.readouterr().out


def test_theory(benchmark: Any) -> None:
    """Known distances: MSK's and that of any signal with h = 1/2 is near 2, orthogonal FSK's is below it."""
    assert benchmark.distances(0.5, 10.0)[0][0] == pytest.approx(2.0, abs=0.02)
    assert benchmark.distances(0.5, 0.5)[0][0] == pytest.approx(1.94, abs=0.02)  # Murota and Hirade, 1981: 1.94
    assert benchmark.distances(1.0, 10.0)[0][0] == pytest.approx(1.0, abs=0.03)
    assert benchmark.psk(10**0.96) == pytest.approx(1e-5, rel=0.1)
    gmsk = next(chain for chain in benchmark.CHAINS if chain.name.startswith("GMSK 9600, AX.25"))
    assert gmsk.bound(benchmark.in_theory(gmsk)) == pytest.approx(0.5, abs=1e-3)


def test_theory_of_signals_inside_signals(benchmark: Any) -> None:
    """Two tones a whole turn apart agree after each symbol; coding gains, and never reaches Shannon's limit."""
    events = benchmark.composite_distances(1000, 1500, 500)
    assert sum(share for _, share in events) == pytest.approx(1.0)
    assert all(0 < d2 < 2 for d2, _ in events)
    _, rates = benchmark.concatenated_rates()
    assert list(rates) == sorted(rates, reverse=True)
    # rate 0.437: (2 ** (2 * 0.437) - 1) / (2 * 0.437), -0.2 dB
    assert rates[0] == 1.0
    assert 1.0 < benchmark.in_theory(next(c for c in benchmark.CHAINS if "Concatenated" in c.name)) < 2.4


@pytest.mark.parametrize("variant", [{"bursts": True}, {"pairs": True}, {"offset": 3000.0, "drift": 120.0}])
def test_variants_at_high_signal_to_noise(benchmark: Any, variant: dict[str, Any]) -> None:
    """A pair is right when both of its frames are."""
    point = benchmark.measure(benchmark.CHAINS[0], 20.0, 10, benchmark.Variant(**variant))
    assert (point.sent, point.right, point.wrong) == (10, 10, 0)


def test_noise_before_a_burst_costs_no_sync_word(benchmark: Any) -> None:
    """A phase reference with a long memory is still of the noise when the preamble is over."""
    chain = next(chain for chain in benchmark.CHAINS if "AX100 ASM" in chain.name)
    point = benchmark.measure(chain, 9.0, 200, benchmark.Variant(bursts=True), 11)
    assert (point.right, point.wrong) == (200, 0)


def test_the_end_of_a_burst_is_not_taken_for_the_next_one(benchmark: Any) -> None:
    """50 ms behind it, at another frequency; of PSK both fill their rows equally, whatever their power."""
    chain = next(chain for chain in benchmark.CHAINS if "BPSK 1200" in chain.name)
    point = benchmark.measure(chain, 16.0, 40, benchmark.Variant(pairs=True), 41)
    assert (point.right, point.wrong) == (40, 0)


def test_crossing(benchmark: Any) -> None:
    points = [benchmark.Point(x, 1000, round(1000 / (1 + 2.718 ** (-4 * (x - 6.2)))), 0) for x in (5.5, 6.0, 6.5, 7.0)]
    assert benchmark.crossing(points) == pytest.approx(6.2, abs=0.02)
    assert points[2].interval()[0] < 1 - points[2].right / 1000 < points[2].interval()[1]
