"""Apply and restore: every write is journalled before, read back after, and undone in the end."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from . import checks, snapshot
from .journal import Journal, JournalFile, utc_now
from .keys import KernelFiles, Setting, UnavailableError, settings_of
from .report import Report, SettingsError, sentence_of

STATE_FOLDER = "var/lib/tandem"
PASSES = 3
"""How often restoring is tried: the write of one key may change another one."""

COUPLED = {
    "vm.dirty_bytes": "vm.dirty_ratio",
    "vm.dirty_background_bytes": "vm.dirty_background_ratio",
    "vm.overcommit_kbytes": "vm.overcommit_ratio",
}
"""Writing either of a pair sets the other one to 0, so both originals are journalled."""


class Transaction:
    """The settings of the machine below a root folder. Every method may raise JournalError too."""

    def __init__(self, files: KernelFiles, journal_file: JournalFile | None = None) -> None:
        self.files = files
        self.journal_file = journal_file or JournalFile(files.below(STATE_FOLDER))

    def apply(self, kernel: Mapping[str, Any], *, service_ports: Iterable[int] = (), strict: bool = True,
              check: bool = False) -> Report:
        """Make exactly these settings hold; what an earlier apply wrote beside them is put back.

        With strict, the machine is left as it was when a key that is not optional cannot be applied; with
        check, nothing is written. Raises SettingsError when a value is refused (before anything is written)
        or when strict fails.
        """
        report = Report(state="applied")
        settings = self._sound(kernel, service_ports, report)
        if check:
            self._apply_locked(settings, report, strict=strict, check=True)
            return report
        with self.journal_file.lock():
            self._apply_locked(settings, report, strict=strict, check=False)
        return report

    def restore(self, *, check: bool = False) -> Report:
        """Put every original back and prove it; any number of times, from any state.

        Raises SettingsError when a difference remains; the journal is kept then.
        """
        if check:
            return self._restored(check=True)
        if not os.path.exists(self.journal_file.path):
            return Report(state="restored", restored=True)
        with self.journal_file.lock():
            return self._restored(check=False)

    def before(self) -> Journal | None:
        """The open journal, which holds the settings as they were before the first write."""
        return self.journal_file.load()

    def _sound(self, kernel: Mapping[str, Any], service_ports: Iterable[int],
               report: Report) -> list[Setting]:
        """The settings to apply, stars resolved; the ones this machine cannot have are noted."""
        wanted, refused = settings_of(kernel)
        settings: dict[str, Setting] = {}
        for setting in sorted(wanted, key=lambda setting: "*" not in setting.key):  # a file's own value wins
            keys = self.files.matches(setting.key)
            if not keys:
                self._note_unavailable(setting, "this machine has no such file", report)
            settings.update({key: replace(setting, key=key) for key in keys})
        report.refused = refused + checks.refusals(list(settings.values()), self.files, service_ports)
        if report.refused:
            reasons = "; ".join(f"{row['key']} = {row['value']}: {row['why']}" for row in report.refused)
            raise SettingsError(f"refused before anything was written: {reasons}", report)
        return list(settings.values())

    def _apply_locked(self, settings: list[Setting], report: Report, *, strict: bool, check: bool) -> None:
        journal = self._journal(report, check=check)
        settings = self._writable(settings, report)
        if strict and report.failing:
            raise SettingsError(f"nothing was applied: {sentence_of(report.failing)}", report)
        dropped = self._dropped(settings, journal)
        wanted = {**dropped, **{setting.key: setting.value for setting in settings}}
        found = {key: value for key in wanted if (value := self.files.now(key)) is not None}
        if check or all(found[key] == wanted[key] for key in found):
            self._classify(settings, dropped, found, report, now=wanted, errors={})
            return
        before = snapshot.values(self.files)
        journal.before = journal.before or before
        errors = self._write(journal, settings, found)
        now = {key: value for key in found if (value := self.files.now(key)) is not None}
        self._classify(settings, dropped, found, report, now=now, errors=errors)
        for key in dropped.keys() - errors.keys():
            journal.entries[key].side_effect = True     # it is back, or it follows another one
        self._record_outcome(journal, before, now, report)
        if strict and report.failing:
            self._give_up(report)

    def _journal(self, report: Report, *, check: bool) -> Journal:
        """The open journal of this boot, or a new one. One of an earlier boot is proven and closed first."""
        journal = self.journal_file.load()
        if journal is not None and journal.boot_id == self.files.boot_id():
            return journal
        if journal is not None:
            report.rebooted = True
            if not check:
                report.put_back += self._restored(check=False).put_back
        return Journal(boot_id=self.files.boot_id(), created_utc=utc_now(), before={})

    def _writable(self, settings: list[Setting], report: Report) -> list[Setting]:
        """The settings that are in force already or may be written; the others are noted as unavailable."""
        usable = []
        for setting in settings:
            try:
                if self.files.read(setting.key) != setting.value:
                    self.files.check_writable(setting.key)
                usable.append(setting)
            except UnavailableError as error:
                self._note_unavailable(setting, str(error), report)
        return usable

    @staticmethod
    def _dropped(settings: list[Setting], journal: Journal) -> dict[str, str]:
        """Originals of the keys that an earlier apply wrote and that are no longer wanted."""
        kept = {setting.key for setting in settings}
        return {key: entry.original for key, entry in journal.entries.items()
                if key not in kept and not entry.side_effect}

    def _write(self, journal: Journal, settings: list[Setting], found: dict[str, str]) -> dict[str, str]:
        """Journal, rewind, then write in order; the reason of every key that was not accepted.

        Everything is rewound to the originals before, so that a profile means the same whatever was applied
        before it, although settings change each other.
        """
        rewind = bool(journal.entries)
        wanted = {setting.key: setting.value for setting in settings}
        for key, value in wanted.items():
            # As it was before the transaction: by now it may have followed a setting of an interrupted apply.
            journal.record(key, original=journal.before.get(key, found[key])).expect(value)
            self._record_coupled(journal, key)
        self.journal_file.save(journal)
        errors = self._put_back(journal.originals) if rewind else {}
        for key in checks.in_order(wanted, found):
            why = self._write_one(key, wanted[key])
            if why:
                errors[key] = why
        return errors

    def _record_coupled(self, journal: Journal, key: str) -> None:
        for pair in COUPLED.items():
            other = pair[1 - pair.index(key)] if key in pair else None
            value = self.files.now(other) if other else None
            if other and value is not None:
                journal.record(other, original=journal.before.get(other, value), side_effect=True)

    def _write_one(self, key: str, value: str) -> str | None:
        """Write one value unless it holds already; the reason why the kernel did not take it, or None."""
        prior = self.files.now(key)
        if prior == value:
            return None
        try:
            self.files.write(key, value)
        except OSError as error:
            return self._why_refused(key, value, error)
        now = self.files.now(key)
        if now == value:
            return None
        if prior is not None:
            try:
                self.files.write(key, prior)
            except OSError as error:
                why = f"and does not take {prior} back ({error.strerror})"
                return f"the kernel turned {value} into {now} {why}"
        return f"the kernel turned {value} into {now}"

    def _why_refused(self, key: str, value: str, error: OSError) -> str:
        why = f"the kernel does not take {value} ({error.strerror})"
        if key == "net.ipv4.tcp_congestion_control":
            offered = self.files.now("net.ipv4.tcp_available_congestion_control")
            why += f"; it offers {offered}" if offered else ""
        return why

    def _classify(self, settings: list[Setting], dropped: dict[str, str], found: dict[str, str],
                  report: Report, *, now: dict[str, str], errors: dict[str, str]) -> None:
        """Read back: what each key's value says about it."""
        for setting in settings:
            key = setting.key
            if now.get(key) != setting.value:
                why = f"another setting turned {setting.value} into {now.get(key)}"
                self._note_unavailable(setting, errors.get(key, why), report)
            elif found[key] == setting.value:
                report.unchanged.append(key)
            else:
                report.applied.append({"key": key, "from": found[key], "to": setting.value})
        for key, original in dropped.items():
            if key in errors:
                self._note_unavailable(Setting(key=key, value=original), errors[key], report)
            elif key in now and found[key] != original == now[key]:
                report.put_back.append({"key": key, "from": found[key], "to": original})

    def _record_outcome(self, journal: Journal, before: dict[str, str], now: dict[str, str],
                        report: Report) -> None:
        """Journal the values in force, and the settings that only followed the written ones."""
        for key in now.keys() & journal.entries.keys():
            journal.entries[key].expect(now[key])
        for row in snapshot.followed(self.files, before, snapshot.values(self.files)):
            original = journal.before.get(row["key"], row["from"])
            entry = journal.record(row["key"], original=original, side_effect=True)
            if entry.side_effect:
                entry.expect(row["to"])
                report.side_effects.append(row)
        self.journal_file.save(journal)

    def _give_up(self, report: Report) -> None:
        """Restore after a strict apply that failed half-way, and raise."""
        reasons = sentence_of(report.failing)
        undone = self._restored(check=False)
        report.applied, report.put_back = [], undone.put_back
        report.restored = undone.restored
        raise SettingsError(f"the machine was put back as it was, because {reasons}", report)

    def _restored(self, *, check: bool) -> Report:
        report = Report(state="restored")
        journal = self.journal_file.load()
        if journal is None:
            report.restored = True
            return report
        report.rebooted = journal.boot_id != self.files.boot_id()
        targets = self._targets(journal, report)
        found = {key: self.files.now(key) for key in targets}
        errors = {} if check else self._put_back(targets)
        for key, original in targets.items():
            now = original if check else self.files.now(key)
            if now != original:
                why = errors.get(key, f"it is {now}")
                report.remaining.append({"key": key, "original": original, "now": now, "why": why})
            elif found[key] == original:
                report.unchanged.append(key)
            else:
                report.put_back.append({"key": key, "from": found[key], "to": original})
        if check:
            return report
        changed = snapshot.difference(journal.before, snapshot.values(self.files))
        report.others_changed = [row for row in changed if row["key"] not in journal.entries]
        if report.remaining:
            raise SettingsError(f"these settings are not as they were: {sentence_of(report.remaining)}; "
                                "reboot the machine if restoring again does not help", report)
        self.journal_file.close()
        report.restored = True
        return report

    def _targets(self, journal: Journal, report: Report) -> dict[str, str]:
        """The originals to put back; notes what others changed meanwhile and what is left alone, and why."""
        targets = {}
        for key, entry in journal.entries.items():
            now = self.files.now(key)
            row = {"key": key, "original": entry.original, "now": now}
            if now is None:
                report.left.append({**row, "why": "it is gone, with its interface or module"})
            elif report.rebooted and now != entry.original and now not in entry.written:
                report.left.append({**row, "why": "the reboot set it"})
            else:
                targets[key] = entry.original
                if not report.rebooted and entry.written and now != entry.written[-1]:
                    report.drifted.append({"key": key, "expected": entry.written[-1], "found": now})
        return targets

    def _put_back(self, originals: dict[str, str]) -> dict[str, str]:
        """Write the originals that do not hold; the last pass's reason for every key that failed."""
        errors: dict[str, str] = {}
        for _ in range(PASSES):
            current = {key: value for key in originals if (value := self.files.now(key)) is not None}
            pending: Sequence[str] = [key for key in checks.in_order(originals, current)
                                      if key in current and current[key] != originals[key]]
            reasons = {key: self._write_one(key, originals[key]) for key in pending}
            errors = {key: why for key, why in reasons.items() if why}
        return errors

    @staticmethod
    def _note_unavailable(setting: Setting, why: str, report: Report) -> None:
        report.unavailable.append({"key": setting.key, "wanted": setting.value, "why": why,
                                   "optional": setting.optional})
