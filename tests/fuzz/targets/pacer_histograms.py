"""collectors/readers/pacer_histograms.py: the distributions inside pacer's JSON result."""

from __future__ import annotations

from collectors.errors import ReadError
from collectors.readers.pacer_histograms import read_corrected
from tests.fuzz.patches import patched
from tests.fuzz.target import Target, documents, patch_seeds, read_twice
from tests.fuzz.targets.histogram import check_histogram

_WHOLE = documents("pacer/sample.json", "pacer/timeouts.json")
DOCUMENTS = {
    name: {
        "histograms": {key: whole["histograms"][key] for key in ("corrected", "censored_corrected", "lag")},
        "latency": {
            "corrected": {
                "n": whole["latency"]["corrected"]["n"],
                "censored": whole["latency"]["corrected"]["censored"],
            }
        },
    }
    for name, whole in _WHOLE.items()
}


def check(data: bytes) -> bool:
    """Both distributions in order, or a ReadError."""
    text = patched(data, DOCUMENTS).decode("utf-8", "replace")

    def read() -> tuple[object, object]:
        found = read_corrected(text, "x")
        return found.known.counts, found.censored.counts

    if read_twice(read, ReadError) is None:
        return False
    found = read_corrected(text, "x")
    check_histogram(found.known)
    check_histogram(found.censored)
    return True


TARGET = Target(check=check, seeds=lambda: patch_seeds(DOCUMENTS), shape="json", documents=DOCUMENTS)
