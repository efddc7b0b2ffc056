"""wrk2's text with chosen figures, in the form that its source prints."""

from __future__ import annotations

from typing import Any


def wrk2_text(
    *,
    duration: str = "30s",
    threads: int = 2,
    connections: int = 10,
    latency: str = "20.06ms    1.42ms  42.32ms   66.00%",
    percentiles: tuple[tuple[str, str], ...] = (("50.000", "20.06ms"), ("99.000", "41.08ms"), ("99.900", "42.24ms")),
    recorded: int | None = 39980,
    completed: int = 60000,
    seconds: float = 30.0,
    errors: str = "",
) -> str:
    """The text of one run; `recorded` None leaves the distribution out, as without --latency."""
    lines = [
        f"Running {duration} test @ http://10.0.0.1:8000/index",
        f"  {threads} threads and {connections} connections",
        *["  Thread calibration: mean lat.: 1.100ms, rate sampling interval: 10ms"] * threads,
        "  Thread Stats   Avg      Stdev     Max   +/- Stdev",
        f"    Latency    {latency}",
        "    Req/Sec     1.05k   177.00     1.55k    70.00%",
    ]
    if recorded is not None:
        lines += [
            "  Latency Distribution (HdrHistogram - Recorded Latency)",
            *[f" {name}%   {value}" for name, value in percentiles],
            "",
            "  Detailed Percentile spectrum:",
            "       Value   Percentile   TotalCount 1/(1-Percentile)",
            "",
            f"       2.323     1.000000        {recorded}          inf",
            "#[Mean    =        1.060, StdDeviation   =        0.420]",
            f"#[Max     =        2.322, Total count    =        {recorded}]",
            "#[Buckets =           27, SubBuckets     =         2048]",
            "----------------------------------------------------------",
        ]
    lines += [f"  {completed} requests in {seconds:.2f}s, 10.00MB read", *([f"  {errors}"] if errors else [])]
    return "\n".join([*lines, f"Requests/sec: {completed / seconds:9.2f}", "Transfer/sec:    341.33KB", ""])


NOTHING: dict[str, Any] = {
    "latency": " -nanus    -nanus   0.00us    0.00%",
    "percentiles": (("50.000", "0.00us"), ("99.000", "0.00us")),
    "recorded": 0,
}
"""What wrk2 prints where its histogram is empty."""
