"""The page: whole, self-contained, the same again, and nothing in it that the page's files do not say."""

from __future__ import annotations

import hashlib
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from collectors.cli import main
from tests.unit.collectors.builders import Campaign, Given, link_raw, write
from tests.unit.collectors.test_summary import full
from tests.unit.collectors.tool_output import pacer_result

VOID = {"meta", "link", "br", "hr", "img", "input", "col", "wbr"}


class Page(HTMLParser):
    """What a test wants of a page: balanced tags, ids, links, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.tags: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self._seen(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._seen(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another"

    def _seen(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in {"href", "src", "xlink:href", "action", "data", "poster"} and value:
                self.references.append(value)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("campaign")
    full(
        directory,
        flask_agents_sustained=Given(pacer=pacer_result(completed=2750, status_5xx=40)),
        flask_agents_light=Given(
            contract_failure={"kind": "wrong-answer", "message": "<script>alert(1)</script> & more"}
        ),
        django_agents_light=Given(died=True),
    )
    for when in ("before", "after"):
        link_raw(directory, when)
        main(["link", str(directory), "--when", when])
    for machine in ("server", "client"):
        write(
            directory / "machines" / f"{machine}-facts.json",
            {"schema_version": 1, "label": "virtual lab", "kernel": "6.1.0"},
        )
        write(directory / "machines" / f"settings-{machine}-report.json", {
            "schema_version": 1, "machine": machine, "report": {
                "applied": [{"key": "net.core.somaxconn", "from": "4096", "to": "65535"}], "restored": False,
                "unavailable": [{"key": "net.ipv4.tcp_tw_recycle", "why": "gone"}], "refused": [],
            },
        })  # fmt: skip
        write(directory / "machines" / f"settings-{machine}-restored.json", {
            "schema_version": 1, "machine": machine, "report": {
                "restored": True, "drifted": [{"key": "vm.swappiness", "expected": "1", "found": "60"}],
            },
        })  # fmt: skip
    write(directory / "machines" / "postgresql.json", {"schema_version": 1, "settings": [
        {"name": "fsync", "asked": "off", "setting": "off", "unit": None, "applied": True, "error": None},
        {"name": "shared_buffers", "asked": "128MB", "setting": "16384", "unit": "8kB", "applied": True, "error": None},
        {"name": "work_mem", "asked": "1TB", "setting": "4096", "unit": "kB", "applied": False, "error": "too much"},
    ]})  # fmt: skip
    assert main(["report", str(directory)]) == 0
    return directory


@pytest.fixture(scope="module")
def text(reported: Path) -> str:
    return (reported / "report.html").read_text(encoding="utf-8")


def test_it_is_well_formed(text: str) -> None:
    page = Page(text)
    assert page.open == []
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert len(page.ids) == len(set(page.ids)), "an id stands for one thing"


def test_it_needs_nothing_from_elsewhere(text: str) -> None:
    page = Page(text)
    assert {"script", "iframe", "link", "img"}.isdisjoint(page.tags)
    assert not [each for each in page.references if re.match(r"(?:[a-z]+:)?//|[a-z]+:", each)]
    assert not re.search(r"@import|url\((?!#)", text)


def test_its_links_lead_somewhere(reported: Path, text: str) -> None:
    page = Page(text)
    for reference in page.references:
        if reference.startswith("#"):
            assert reference[1:] in page.ids
        else:
            assert (reported / reference).is_file(), reference


def test_it_has_every_row_and_run(reported: Path, text: str) -> None:
    for run in Campaign(reported).document["runs"]:
        assert f'id="{run["round"]}-{run["endpoint"]}-{run["service"]}"' in text
        assert f"runs/{run['id']}/" in text


@pytest.mark.parametrize(
    "words",
    [
        "virtual lab",
        "16 of 18 runs measured",
        "backlog",
        "net.core.somaxconn",
        "net.ipv4.tcp_tw_recycle",
        "vm.swappiness",
        "fsync = off trades",
        "<td>128MB",
        "too much",
        "0123abc",
        "30000000 pages is 114 GiB",
        "service times of a closed loop",
        "941.0",
        "20150301",
        "completed of scheduled",
        "failed requests by kind",
        "python3 /opt/tandem/pacer.pyz",
        "1 replicate: no interval",
        "put back as it was found",
    ],
)
def test_it_says(text: str, words: str) -> None:
    assert words in text


def test_what_machines_say_is_text_and_never_markup(text: str) -> None:
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in text


def test_charts_have_words_and_colours_of_the_page(text: str) -> None:
    charts = re.findall(r"<svg .*?</svg>", text, flags=re.DOTALL)
    kinds = [re.findall(r' role="img" aria-label="([A-Z]\w+)', chart) for chart in charts]
    assert kinds == [["Round"], ["Round"], ["Latency"], ["Round"], ["Latency"]], "a closed loop has no curves"
    for chart in charts:
        assert ">api-hour</text>" in chart
        assert "var(--series-1)" in chart
        assert not re.search(r"#0[12]0[0-9a-f]{3}", chart)
    assert "Date" not in charts[0]


def test_rebuilt_byte_for_byte(reported: Path, tmp_path: Path, text: str) -> None:
    other = tmp_path / "elsewhere"
    shutil.copytree(reported, other)
    assert main(["report", str(other)]) == 0
    assert (other / "report.html").read_text(encoding="utf-8") == text
    assert (other / "MANIFEST.sha256").read_bytes() == (reported / "MANIFEST.sha256").read_bytes()


def test_the_manifest_holds_every_file(reported: Path) -> None:
    lines = (reported / "MANIFEST.sha256").read_text(encoding="utf-8").splitlines()
    listed = {line[66:]: line[:64] for line in lines}
    present = {path.relative_to(reported).as_posix() for path in reported.rglob("*") if path.is_file()}
    assert set(listed) == present - {"MANIFEST.sha256"}
    assert listed["report.html"] == hashlib.sha256((reported / "report.html").read_bytes()).hexdigest()


def test_a_campaign_that_has_not_begun_has_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Campaign(tmp_path)
    assert main(["report", str(tmp_path), "--json"]) == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert Page(page).open == []
    assert "not run" in page
    assert str(tmp_path / "report.html") in capsys.readouterr().out
