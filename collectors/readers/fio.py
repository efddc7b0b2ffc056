"""The JSON of `fio --output-format=json` with one job."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from collectors.errors import ReadError
from collectors.jsonio import LARGEST, Fields, parse_object

WORK = ("rw", "rwmixread", "bs", "size", "direct", "ioengine")
"""Options that say what an operation was."""


@dataclass(frozen=True, kw_only=True)
class FioResult:
    """One job: reads and writes per second, and the mean time of each in microseconds (None where there was none).

    `work` is what was asked of the disk, in fio's own words: speeds of other work are other figures.
    """

    version: str
    work: str
    read_per_s: float
    write_per_s: float
    read_mean_us: float | None
    write_mean_us: float | None
    operations: int

    @property
    def per_s(self) -> float:
        """Reads and writes per second together."""
        return self.read_per_s + self.write_per_s


def is_fio(top: dict[str, object]) -> bool:
    """Say whether a JSON object is of fio."""
    return "fio version" in top


def read_fio(text: str, file: Path | str) -> FioResult:
    """Return what the job did; ReadError where the JSON is broken or foreign, or the job failed or did nothing."""
    top = Fields(parse_object(text, file), file)
    version = top.text("fio version")
    jobs = top.rows("jobs")
    if len(jobs) != 1:
        raise ReadError(f"{len(jobs)} jobs, only one is understood", file=file)
    job = jobs[0]
    if error := job.integer("error"):
        raise ReadError(f"fio failed with the error number {error}", file=file)
    read, write = job.inner("read"), job.inner("write")
    operations = read.count("total_ios") + write.count("total_ios")
    if not 0 < operations < LARGEST:
        done = "more than any disk can" if operations else "nothing"
        raise ReadError(f"fio read and wrote {done}", file=file)
    return FioResult(
        version=version,
        work=_work(top, job),
        read_per_s=read.amount("iops"),
        write_per_s=write.amount("iops"),
        read_mean_us=_mean_us(read),
        write_mean_us=_mean_us(write),
        operations=operations,
    )


def _work(top: Fields, job: Fields) -> str:
    """Return the options of the job; fio lists those of a single job with it, and others as global ones."""
    options = [each for each in (job.optional_inner("job options"), top.optional_inner("global options")) if each]
    found = {key: each.text(key) for each in reversed(options) for key in WORK if each.has(key)}
    return " ".join(f"{key}={found[key]}" for key in WORK if key in found)


def _mean_us(way: Fields) -> float | None:
    return way.inner("lat_ns").amount("mean") / 1e3 if way.count("total_ios") else None
