from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from pathlib import Path

import pytest
import tandem_profile
from tandem_kernel import timer


class FakeSystemd:
    """Answers commands from a table by their first words and remembers them."""

    def __init__(self, **answers: tuple[int, str]) -> None:
        self.answers = answers
        self.commands: list[list[str]] = []

    def __call__(self, argv: Sequence[str]) -> tuple[int, str]:
        self.commands.append(list(argv))
        return self.answers.get(argv[1].strip("-").replace("-", "_"), (0, ""))


def test_arming_replaces_an_earlier_timer() -> None:
    systemd = FakeSystemd(stop=(5, "Unit tandem-restore.timer not loaded."))
    timer.arm(90, ["python3", "program", "restore"], systemd)
    stop, reset, start = systemd.commands
    assert stop == ["systemctl", "stop", "tandem-restore.timer"]
    assert reset[1] == "reset-failed"
    assert start[0] == "systemd-run"
    assert start[-3:] == ["python3", "program", "restore"]
    assert {"--unit=tandem-restore", "--on-active=90s", "--timer-property=AccuracySec=1s"} <= set(start)


def test_a_timer_that_cannot_be_set_is_one_sentence() -> None:
    with pytest.raises(timer.TimerError, match=r"cannot be set: Failed to start"):
        timer.arm(90, ["true"], FakeSystemd(quiet=(1, "Failed to start transient timer unit.")))


def test_the_command_stops_the_units_first() -> None:
    assert timer.command("/opt/x.pyz", ["tandem-*.service", "wrk-*"])[1:] == [
        "/opt/x.pyz", "restore", "--stop", "tandem-*.service", "--stop", "wrk-*"]


def test_running_units_are_stopped_but_never_the_restore_itself() -> None:
    listing = ("tandem-flask.service loaded active running Flask\n"
               "tandem-restore.service loaded activating start Restore\n"
               "tandem-load.service loaded active running Load\n")
    systemd = FakeSystemd(list_units=(0, listing))
    assert timer.stop_units(["tandem-*.service"], systemd) == ["tandem-flask.service", "tandem-load.service"]
    assert systemd.commands[-1] == ["systemctl", "stop", "tandem-flask.service", "tandem-load.service"]


@pytest.mark.parametrize("patterns", [[], ["tandem-*.service"]], ids=["no-patterns", "nothing-runs"])
def test_nothing_to_stop(patterns: list[str]) -> None:
    systemd = FakeSystemd()
    assert timer.stop_units(patterns, systemd) == []
    assert [command[1] for command in systemd.commands] == ["list-units"] * len(patterns)


@pytest.mark.parametrize(("answers", "sentence"), [
    pytest.param({"list_units": (1, "Failed to connect to bus")}, "cannot be listed: Failed to", id="no-bus"),
    pytest.param({"list_units": (0, "tandem-a.service loaded active"), "stop": (1, "timeout")},
                 "tandem-a.service cannot be stopped: timeout", id="will-not-stop"),
])
def test_units_that_cannot_be_stopped(answers: dict[str, tuple[int, str]], sentence: str) -> None:
    with pytest.raises(timer.TimerError, match=sentence):
        timer.stop_units(["tandem-*"], FakeSystemd(**answers))


@pytest.mark.parametrize(("text", "set_"), [
    ("1w 2d 3h 4min 5.5s", True), ("infinity", False), ("", False), ("5 parsecs", False), ("0", False),
])
def test_seconds_left_is_known_or_none(text: str, *, set_: bool) -> None:
    left = timer.seconds_left(FakeSystemd(show=(0, text)))
    assert (left is not None) is set_
    assert timer.seconds_left(FakeSystemd(show=(1, text))) is None


def test_a_missing_program_is_one_sentence() -> None:
    with pytest.raises(timer.TimerError, match="is this machine without systemd"):
        timer.run(["/nonexistent/systemctl"])


def test_a_command_gives_status_and_output() -> None:
    assert timer.run(["sh", "-c", "echo out; echo err >&2; exit 3"]) == (3, "out\nerr")


def test_a_made_up_root_has_no_systemd() -> None:
    assert not timer.has_systemd("/tmp")


def test_what_a_profile_added_to_daemons_is_taken_away_once(tmp_path: Path) -> None:
    systemd, path = FakeSystemd(), tmp_path / "profile.conf"
    path.write_text("[Service]\nLimitNOFILE=4096\n")
    for _ in range(2):
        timer.drop_limits(systemd, str(path))
        assert not path.exists()
        assert systemd.commands == [["systemctl", "daemon-reload"]]


def test_the_machine_and_its_runs_mean_the_same_file() -> None:
    for unit in ("tandem-a.service", "tandem-.service"):
        assert fnmatch.fnmatch("/" + tandem_profile.LIMITS.format(unit=unit), timer.LIMITS)


def test_what_cannot_be_taken_away_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "tandem-a.service.d/profile.conf").mkdir(parents=True)
    with pytest.raises(timer.TimerError, match=r"profile\.conf cannot be removed: Is a directory"):
        timer.drop_limits(FakeSystemd(), str(tmp_path / "tandem-*.service.d/profile.conf"))
