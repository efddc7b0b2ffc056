"""What an operator gets wrong is said in one sentence, before anything is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.bench import ROOT, play, tandem
from tests.unit.collectors.comparisons import make

CAMPAIGNS = ", ".join(sorted(path.stem for path in (ROOT / "campaigns").glob("*.yml")))
BAD = [
    (["-e", "campaign=quikc"], f"unknown campaign 'quikc' (did you mean 'quick'?); allowed: {CAMPAIGNS}"),
    (["-e", "campaign=smoke", "-e", "apps=flusk"], "unknown app 'flusk'"),
    (["-e", "campaign=smoke", "-e", '{"overrides": {"profile": "fast"}}'], "unknown profile 'fast'"),
    (["-e", "campaign=smoke", "-e", '{"overrides": {"wokers": 4}}'], "unknown key 'wokers'"),
    (["-e", "campaign=kernel-ab", "-e", "a=stock"], "a=stock is given without b=; name both profiles"),
    (["-e", "campaign=kernel-ab", "-e", "a=stock", "-e", "b=stock"], "names the profile 'stock' twice"),
    (["-e", "campaign=kernel-ab", "-e", "a=stock", "-e", "b=tund"], "unknown profile 'tund' (did you mean 'tuned'?)"),
]


@pytest.mark.parametrize(("words", "sentence"), BAD, ids=["campaign", "app", "profile", "key", "a-alone", "twice", "b"])
def test_unknown_names_stop_before_anything_is_touched(words: list[str], sentence: str, tmp_path: Path) -> None:
    ended = play("bench.yml", *words, "-e", f"tandem_results_root={tmp_path / 'results'}", timeout_s=60)
    assert ended.returncode != 0
    assert sentence in ended.stdout
    assert "Traceback" not in ended.stdout
    assert "Preflight" not in ended.stdout
    assert not (tmp_path / "results").exists()


def test_a_campaign_that_its_baseline_refuses_leaves_no_folder(tmp_path: Path) -> None:
    results = tmp_path / "results"
    accepted = make(results / "quick-20260301T100000Z")
    (results / "latest").symlink_to(accepted.directory.name)
    assert tandem("baseline", "accept", str(accepted.directory), "good").returncode == 0
    before = sorted(results.iterdir())
    ended = play("bench.yml", "-e", "campaign=smoke", "-e", "baseline=good", "-e", f"tandem_results_root={results}",
                 timeout_s=60)
    assert ended.returncode != 0
    assert "smoke has 1 block(s), and a comparison with good takes 5" in ended.stdout
    assert "Preflight" not in ended.stdout
    assert sorted(results.iterdir()) == before
    assert (results / "latest").resolve() == accepted.directory


def test_the_examples_placeholder_addresses_are_refused(tmp_path: Path) -> None:
    ended = play("bench.yml", "--inventory", "inventory/example", "-e", "campaign=smoke",
                 "-e", f"tandem_results_root={tmp_path}", timeout_s=60)
    assert ended.returncode != 0
    sentence = "bench-server still has a placeholder address (ansible_host 192.0.2.1, bench_address 198.51.100.1)"
    assert sentence in ended.stdout


def test_one_machine_in_both_groups_is_refused(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts.yml"
    hosts.write_text("server: {hosts: {one: {ansible_host: 127.0.0.1, bench_address: 127.0.0.1}}}\n"
                     "client: {hosts: {one: }}\n")
    ended = play("bench.yml", "--inventory", str(hosts), "-e", "campaign=smoke",
                 "-e", f"tandem_results_root={tmp_path}", timeout_s=60)
    assert ended.returncode != 0
    assert "The groups server and client hold the same machine" in ended.stdout
