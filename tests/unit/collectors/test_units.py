"""Quantities: what the generators print, and what we print."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import units
from collectors.limits import samples_needed
from collectors.model import Latency

SCALES = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 60e6, "h": 3600e6}


@pytest.mark.parametrize(
    ("text", "expected_us"),
    [
        ("0.00us", 0),
        ("569.72us", 569.72),
        ("1.76ms", 1760),
        ("7.84s", 7.84e6),
        ("1.37m", 82.2e6),
        ("2.36m", 141.6e6),
        ("0.87m", 52.2e6),
        ("1.02h", 3672e6),
        ("12s", 12e6),
    ],
)
def test_latency_units(text: str, expected_us: float) -> None:
    assert units.duration_us(text) == pytest.approx(expected_us, rel=1e-12)


def test_minutes_with_a_fraction_are_not_minutes_and_seconds() -> None:
    """The 2015 article read 1.37m as 1 min 37 s."""
    assert units.duration_us("1.37m") / 1e6 == pytest.approx(82.2)
    assert units.duration_us("1.37m") / 1e6 != pytest.approx(97.0)


@pytest.mark.parametrize("text", ["", "1.37", "1.37 m", "-1ms", "1,5ms", "1e3us", "nanus", "1.37min", "1.us", ".5s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        units.duration_us(text)


@given(number=st.integers(0, 99_999_99), unit=st.sampled_from(sorted(SCALES)))
def test_durations_survive_printing_and_reading(number: int, unit: str) -> None:
    text = f"{number / 100:.2f}{unit}"
    assert units.duration_us(text) == pytest.approx(number / 100 * SCALES[unit], abs=1e-6)


@given(value_us=st.floats(0.5, 1e12))
def test_a_shown_latency_reads_back_within_half_a_digit(value_us: float) -> None:
    shown = units.show_latency(value_us)
    number, unit = (shown[:-2], shown[-2:]) if shown[-2:] in SCALES else (shown[:-1], shown[-1:])
    assert float(number) * SCALES[unit] == pytest.approx(value_us, rel=0.006)


@pytest.mark.parametrize(
    ("value_us", "shown"),
    [
        (None, units.DASH),
        (0, "0us"),
        (712.4, "712us"),
        (999.7, "1.00ms"),
        (1760, "1.76ms"),
        (82.2e6, "82.2s"),
        (0.5, "0.500us"),
        (9.996e3, "10.0ms"),
        (268.2e6, "268s"),
    ],
)
def test_shown_latencies(value_us: float | None, shown: str) -> None:
    assert units.show_latency(value_us) == shown


def test_at_least_is_shown() -> None:
    assert units.show_latency(2e6, at_least=True) == "≥2.00s"
    assert units.show_latency(None, at_least=True) == units.DASH


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.00B", 0),
        ("712.00B", 712),
        ("66.00KB", 67584),
        ("785.72MB", 823_887_135),
        ("6.79GB", 7_290_706_985),
    ],
)
def test_sizes(text: str, expected: int) -> None:
    assert units.size_bytes(text) == expected


@pytest.mark.parametrize("text", ["12", "12kB", "12 MB", "1.2.3MB", "MB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="size"):
        units.size_bytes(text)


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (None, units.DASH),
        (0, "0%"),
        (1, "100%"),
        (0.000001, "<0.001%"),
        (0.00016, "0.016%"),
        (0.0057, "0.57%"),
        (0.994, "99.4%"),
    ],
)
def test_shown_shares(share: float | None, shown: str) -> None:
    assert units.show_share(share) == shown


@given(share=st.floats(1e-12, 0.9999))
def test_a_share_above_nothing_never_looks_like_nothing(share: float) -> None:
    assert units.show_share(share) != "0%"


@pytest.mark.parametrize(
    ("percentile", "needed"), [("50", 20), ("90", 100), ("99", 1000), ("99.9", 10_000), ("99.99", 100_000)]
)
def test_samples_needed_for_a_percentile(percentile: str, needed: int) -> None:
    assert samples_needed(percentile) == needed


def test_the_hundredth_percentile_is_no_percentile() -> None:
    with pytest.raises(ValueError, match="not below 100"):
        samples_needed("100")


@pytest.mark.parametrize(
    ("rate", "shown"), [(None, units.DASH), (4000, "4000"), (304.1, "304.1"), (13200.94, "13201"), (0.0, "0")]
)
def test_shown_rates(rate: float | None, shown: str) -> None:
    assert units.show_rate(rate) == shown


@pytest.mark.parametrize(
    ("size", "shown"),
    [(None, units.DASH), (184, "184 B"), (2**28, "256 MiB"), (1536, "1.50 KiB"), (3 * 2**40, "3072 GiB")],
)
def test_shown_sizes(size: int | None, shown: str) -> None:
    assert units.show_bytes(size) == shown


@given(
    recorded=st.integers(0, 200_000),
    censored=st.integers(0, 1000),
    percentile=st.sampled_from(["50", "90", "99", "99.9"]),
)
def test_a_percentile_needs_ten_samples_beyond_it(recorded: int, censored: int, percentile: str) -> None:
    latency = Latency(kind="service", recorded=recorded, censored=censored, percentiles_us={percentile: 5.0})
    enough = (recorded + censored) * (100 - Fraction(percentile)) >= 10 * 100
    assert latency.supports(percentile) == enough
    assert latency.percentile_us(percentile) == (5.0 if enough else None)


def test_a_sample_of_unknown_size_supports_nothing() -> None:
    assert Latency(kind="service", recorded=None, percentiles_us={"50": 5.0}).percentile_us("50") is None
