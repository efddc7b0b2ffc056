from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tandem_kernel.journal import JournalError
from tandem_kernel.report import Report, SettingsError
from tandem_kernel.transaction import STATE_FOLDER

from tests.unit.settings.fake_kernel import BOOT_ID, FakeKernel, state_of, transaction_on

HUGE = "sysfs:/sys/kernel/mm/transparent_hugepage/enabled"
GOVERNORS = "sysfs:/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
TUNED: dict[str, Any] = {
    "net.core.somaxconn": 65535,
    "net.ipv4.tcp_rmem": "4096 65536 6291456",
    "net.ipv4.ip_local_port_range": "1024 65535",
    "net.ipv4.ip_local_reserved_ports": "8000,8004,8008",
    "net.ipv4.conf.eth0.100.rp_filter": 1,
    "fs.file-max": 9223372036854775807,
    HUGE: "never",
    GOVERNORS: "performance",
}


def keys(rows: list[dict[str, Any]]) -> list[str]:
    return [str(row["key"]) for row in rows]


def journal_path(root: Path) -> Path:
    return root / STATE_FOLDER / "settings-journal.json"


def restore(root: Path) -> Report:
    return transaction_on(root).restore()


def test_apply_writes_reads_back_and_says_what_it_did(root: Path) -> None:
    report = transaction_on(root).apply(TUNED, service_ports=[8000, 8004, 8008])
    assert len(report.applied) == 8     # two governors, one value in force
    assert {"key": "net.core.somaxconn", "from": "4096", "to": "65535"} in report.applied
    assert {"key": HUGE, "from": "madvise", "to": "never"} in report.applied
    assert report.unchanged == ["fs.file-max"]
    assert report.unavailable == report.refused == []
    now = state_of(root)
    assert now["net.ipv4.ip_local_reserved_ports"] == "8000,8004,8008"
    assert now["net.ipv4.conf.eth0/100.rp_filter"] == "1"
    assert now["net.ipv4.conf.eth0.rp_filter"] == "2"


def test_restore_gives_the_machine_back_and_closes_the_journal(root: Path) -> None:
    before = state_of(root)
    transaction_on(root).apply(TUNED)
    report = restore(root)
    assert report.restored
    assert len(report.put_back) == 8
    assert report.drifted == report.left == report.others_changed == []
    assert state_of(root) == before
    assert not journal_path(root).exists()
    assert journal_path(root).with_name("settings-journal-last.json").exists()


def test_restore_is_harmless_any_number_of_times(root: Path) -> None:
    before = state_of(root)
    assert restore(root).restored
    assert not (root / STATE_FOLDER).exists()
    transaction_on(root).apply(TUNED)
    for _ in range(3):
        assert restore(root).restored
    assert state_of(root) == before


def test_a_second_apply_changes_nothing(root: Path) -> None:
    transaction_on(root).apply(TUNED)
    written = journal_path(root).read_text()
    again = transaction_on(root)
    report = again.apply(TUNED)
    assert not report.changed
    assert len(report.unchanged) == 9
    assert isinstance(again.files, FakeKernel)
    assert again.files.writes == []
    assert journal_path(root).read_text() == written


def test_an_apply_with_nothing_to_write_leaves_no_trace(root: Path) -> None:
    report = transaction_on(root).apply({"net.core.somaxconn": 4096})
    assert not report.changed
    assert not journal_path(root).exists()


def test_switching_puts_back_what_is_not_wanted_any_more(root: Path) -> None:
    before = state_of(root)
    transaction_on(root).apply({"net.core.somaxconn": 100, "net.core.rmem_max": 1})
    report = transaction_on(root).apply({"net.core.rmem_max": 2, HUGE: "always"})
    assert report.put_back == [{"key": "net.core.somaxconn", "from": "100", "to": "4096"}]
    assert keys(report.applied) == ["net.core.rmem_max", HUGE]
    assert state_of(root) == {**before, "net.core.rmem_max": "2", HUGE: "always"}
    restore(root)
    assert state_of(root) == before


def test_switching_to_stock_puts_everything_back(root: Path) -> None:
    before = state_of(root)
    transaction_on(root).apply(TUNED)
    assert len(transaction_on(root).apply({}).put_back) == 8
    assert state_of(root) == before


def test_originals_are_never_overwritten(root: Path) -> None:
    for value in (100, 200, 300):
        transaction_on(root).apply({"net.core.somaxconn": value})
    entry = json.loads(journal_path(root).read_text())["entries"]["net.core.somaxconn"]
    assert entry["original"] == "4096"
    assert entry["written"] == ["100", "200", "300"]


def test_check_mode_writes_nothing_and_predicts(root: Path) -> None:
    before = state_of(root)
    predicted = transaction_on(root).apply(TUNED, check=True)
    assert state_of(root) == before
    assert not (root / STATE_FOLDER).exists()
    done = transaction_on(root).apply(TUNED)
    assert predicted.applied == done.applied
    foretold = transaction_on(root).restore(check=True)
    assert journal_path(root).exists()
    assert foretold.put_back == restore(root).put_back


def test_a_port_range_is_widened_after_and_narrowed_before_its_reservation(root: Path) -> None:
    there = transaction_on(root)
    wanted = {"net.ipv4.ip_local_port_range": "1024 65535", "net.ipv4.ip_local_reserved_ports": "8000"}
    there.apply(wanted, service_ports=[8000])
    back = transaction_on(root)
    back.restore()
    assert isinstance(there.files, FakeKernel)
    assert isinstance(back.files, FakeKernel)
    assert [key.rsplit("_", 1)[1] for key, _ in there.files.writes] == ["ports", "range"]
    assert [key.rsplit("_", 1)[1] for key, _ in back.files.writes] == ["range", "ports"]


# What the machine does not let us have


UNAVAILABLE = [
    pytest.param("net.ipv4.tcp_tw_recycle", 1, "this kernel does not have it", id="absent"),
    pytest.param("net.ipv4.tcp_congestion_control", "bic", "does not take bic (No such file or directory); "
                 "it offers reno cubic", id="value-not-offered"),
    pytest.param("net.core.somaxconn", 200000, "the kernel turned 200000 into 100000", id="clamped"),
    pytest.param(GOVERNORS, "warp", "does not take warp (Invalid argument)", id="invalid"),
    pytest.param("net.core.rmem_max", 5, "read-only", id="read-only"),
    pytest.param("sysfs:/sys/class/net/*/speed", 5, "no such file", id="stars-without-files"),
]


@pytest.mark.parametrize(("key", "value", "why"), UNAVAILABLE)
@pytest.mark.parametrize("optional", [True, False], ids=["optional", "needed"])
def test_what_cannot_be_had_is_reported(root: Path, key: str, value: object, why: str, *,
                                        optional: bool) -> None:
    (root / "proc/sys/net/core/rmem_max").chmod(0o444)
    before = state_of(root)
    wanted = {"vm.nr_hugepages": 7, key: {"value": value, "optional": optional}}
    report = transaction_on(root).apply(wanted, strict=optional)
    assert keys(report.applied) == ["vm.nr_hugepages"]
    assert all(why in row["why"] and row["optional"] is optional for row in report.unavailable)
    assert report.unavailable
    assert state_of(root) == {**before, "vm.nr_hugepages": "7"}
    restore(root)
    assert state_of(root) == before


@pytest.mark.parametrize(("key", "value", "why"), UNAVAILABLE)
def test_strict_leaves_the_machine_as_it_was(root: Path, key: str, value: object, why: str) -> None:
    (root / "proc/sys/net/core/rmem_max").chmod(0o444)
    before = state_of(root)
    with pytest.raises(SettingsError) as caught:
        transaction_on(root).apply({"vm.nr_hugepages": 7, key: value})
    assert why in str(caught.value)
    assert caught.value.report.applied == []
    assert state_of(root) == before
    assert not journal_path(root).exists()


def test_nonsense_stops_everything_before_the_first_write(root: Path) -> None:
    before = state_of(root)
    wanted = {"vm.nr_hugepages": 7, "net.ipv4.tcp_mem": "30000000 30000000 30000000"}
    with pytest.raises(SettingsError, match=r"before anything was written: net.ipv4.tcp_mem.*114 GiB") as it:
        transaction_on(root).apply(wanted, strict=False)
    assert keys([dict(row) for row in it.value.report.refused]) == ["net.ipv4.tcp_mem"]
    assert state_of(root) == before
    assert not (root / STATE_FOLDER).exists()


def test_a_file_of_its_own_wins_over_stars(root: Path) -> None:
    transaction_on(root).apply({GOVERNORS.replace("*", "1"): "powersave", GOVERNORS: "performance"})
    now = state_of(root)
    assert [now[GOVERNORS.replace("*", cpu)] for cpu in "01"] == ["performance", "powersave"]


# Settings that change others


def test_what_only_followed_is_recorded_and_put_back(root: Path) -> None:
    before = state_of(root)
    report = transaction_on(root).apply({"net.ipv4.conf.default.rp_filter": 1})
    assert report.side_effects == [{"key": "net.ipv4.conf.eth0.rp_filter", "from": "2", "to": "1"}]
    assert not transaction_on(root).apply({"net.ipv4.conf.default.rp_filter": 1}).changed
    assert restore(root).others_changed == []
    assert state_of(root) == before


def test_a_follower_does_not_depend_on_the_profile_before(root: Path) -> None:
    FakeKernel(root).put("net.ipv4.conf.eth0.rp_filter", "0")
    wanted = {"net.ipv4.conf.default.rp_filter": 1}
    transaction_on(root).apply({**wanted, "net.core.somaxconn": 1})
    transaction_on(root).apply(wanted)
    assert state_of(root)["net.ipv4.conf.eth0.rp_filter"] == "1"
    transaction_on(root).apply({"net.core.somaxconn": 1})
    assert state_of(root)["net.ipv4.conf.eth0.rp_filter"] == "0"


def test_coupled_settings_come_back_although_zero_cannot_be_written(root: Path) -> None:
    before = state_of(root)
    report = transaction_on(root).apply({"vm.dirty_bytes": 1_000_000})
    assert report.side_effects == [{"key": "vm.dirty_ratio", "from": "20", "to": "0"}]
    assert restore(root).restored
    assert state_of(root) == before


def test_coupled_settings_that_contradict_are_reported(root: Path) -> None:
    before = state_of(root)
    with pytest.raises(SettingsError, match="another setting turned 1000000 into 0"):
        transaction_on(root).apply({"vm.dirty_bytes": 1_000_000, "vm.dirty_ratio": 5})
    assert state_of(root) == before


# What happens meanwhile


def test_what_others_changed_meanwhile_is_evidence(root: Path) -> None:
    transaction_on(root).apply({"net.core.somaxconn": 100})
    kernel = FakeKernel(root)
    kernel.put("net.core.somaxconn", "77")
    kernel.put("vm.nr_hugepages", "3")
    report = restore(root)
    assert report.drifted == [{"key": "net.core.somaxconn", "expected": "100", "found": "77"}]
    assert report.others_changed == [{"key": "vm.nr_hugepages", "from": "0", "to": "3"}]
    assert report.restored
    assert state_of(root)["net.core.somaxconn"] == "4096"


def test_an_interface_that_went_away_is_no_obstacle(root: Path) -> None:
    transaction_on(root).apply({"net.ipv4.conf.eth0.100.rp_filter": 1})
    (root / "proc/sys/net/ipv4/conf/eth0.100/rp_filter").unlink()
    report = restore(root)
    assert report.restored
    assert "gone" in report.left[0]["why"]


def test_an_original_that_cannot_be_put_back_keeps_the_journal(root: Path) -> None:
    FakeKernel(root).put("net.ipv4.tcp_congestion_control", "vegas")
    transaction_on(root).apply({"net.ipv4.tcp_congestion_control": "reno", "net.core.somaxconn": 1})
    with pytest.raises(SettingsError, match="does not take vegas") as caught:
        restore(root)
    assert keys(caught.value.report.remaining) == ["net.ipv4.tcp_congestion_control"]
    assert keys(caught.value.report.put_back) == ["net.core.somaxconn"]
    assert not caught.value.report.restored
    assert journal_path(root).exists()


# Reboots


def reboot(root: Path, *, keep: bool, **changed: str) -> None:
    kernel = FakeKernel(root)
    originals = json.loads(journal_path(root).read_text())["entries"]
    for key, entry in {} if keep else originals.items():
        kernel.put(key, changed.get(key.replace(".", "_"), entry["original"]))
    kernel.put(BOOT_ID, "boot-2")


def test_after_a_reboot_there_is_nothing_to_do_but_prove_it(root: Path) -> None:
    before = state_of(root)
    transaction_on(root).apply(TUNED)
    reboot(root, keep=False)
    there = transaction_on(root)
    report = there.restore()
    assert report.rebooted
    assert report.restored
    assert report.put_back == []
    assert isinstance(there.files, FakeKernel)
    assert there.files.writes == []
    assert state_of(root) == {**before, BOOT_ID: "boot-2"}


def test_settings_that_outlived_the_reboot_of_a_container_are_put_back(root: Path) -> None:
    before = state_of(root)
    transaction_on(root).apply({"net.core.somaxconn": 1})
    transaction_on(root).apply({"net.core.somaxconn": 2})
    reboot(root, keep=True)
    assert keys(restore(root).put_back) == ["net.core.somaxconn"]
    assert state_of(root) == {**before, BOOT_ID: "boot-2"}


def test_what_the_reboot_set_is_left_alone(root: Path) -> None:
    transaction_on(root).apply({"net.core.somaxconn": 1})
    reboot(root, keep=False, net_core_somaxconn="128")
    report = restore(root)
    assert report.restored
    assert report.left == [
        {"key": "net.core.somaxconn", "original": "4096", "now": "128", "why": "the reboot set it"}]
    assert state_of(root)["net.core.somaxconn"] == "128"


def test_an_apply_after_a_reboot_starts_a_new_journal(root: Path) -> None:
    transaction_on(root).apply({"net.core.somaxconn": 1})
    reboot(root, keep=False, net_core_somaxconn="128")
    assert transaction_on(root).apply({"net.core.somaxconn": 1}).rebooted
    assert json.loads(journal_path(root).read_text())["entries"]["net.core.somaxconn"]["original"] == "128"
    restore(root)
    assert state_of(root)["net.core.somaxconn"] == "128"


# The journal


@pytest.mark.parametrize("text", [
    "", "{", "[]", "null", '{"schema_version": 2}', '{"schema_version": 1}',
    '{"schema_version": 1, "boot_id": "b", "created_utc": "", "before": {}, "entries": 5}',
], ids=["empty", "cut", "list", "null", "later", "poor", "foreign"])
def test_a_damaged_journal_is_one_sentence_and_nothing_is_written(root: Path, text: str) -> None:
    before = state_of(root)
    journal_path(root).parent.mkdir(parents=True)
    journal_path(root).write_text(text)
    with pytest.raises(JournalError, match="reboot the machine"):
        transaction_on(root).apply(TUNED)
    with pytest.raises(JournalError, match="reboot the machine"):
        restore(root)
    assert state_of(root) == before
    assert journal_path(root).read_text() == text


def test_a_journal_that_cannot_be_written_prevents_every_write(root: Path) -> None:
    before = state_of(root)
    (root / "var").mkdir()
    (root / "var/lib").write_text("a file where a folder should be")
    with pytest.raises(JournalError, match=r"/var/lib/tandem cannot be written \("):
        transaction_on(root).apply(TUNED)
    assert state_of(root) == before


def test_the_journal_holds_the_whole_machine_and_is_private(root: Path) -> None:
    before = state_of(root)
    transaction_on(root).apply(TUNED)
    journal = json.loads(journal_path(root).read_text())
    assert journal["before"].items() >= before.items()
    assert journal["boot_id"] == "boot-1"
    assert journal_path(root).stat().st_mode & 0o077 == 0
