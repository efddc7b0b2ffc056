"""The host's own distribution and where its packages come from."""

from __future__ import annotations

import pytest

from lab import sources
from lab.errors import LabError

BOOKWORM = sources.Host(family="debian", suite="bookworm")
NOBLE = sources.Host(family="ubuntu", suite="noble")
DEBIAN_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
UBUNTU_KEYS = "/usr/share/keyrings/ubuntu-archive-keyring.gpg"

DEBIAN_SOURCES = """\
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main non-free-firmware
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://old.example/debian
Suites: bookworm
Components: main
Enabled: no
"""


def chosen(host: sources.Host, *lists: tuple[str, str], keyring: str | None = DEBIAN_KEYS) -> list[str]:
    found = sources.own_sources(host, lists, keyring=keyring)
    return [source.line() for source in found]


@pytest.mark.parametrize(
    ("text", "family", "suite"),
    [
        pytest.param("ID=debian\nVERSION_CODENAME=bookworm\n", "debian", "bookworm", id="debian"),
        pytest.param('ID="ubuntu"\nID_LIKE=debian\nVERSION_CODENAME=noble\n', "ubuntu", "noble", id="ubuntu"),
        pytest.param(
            'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=wilma\nUBUNTU_CODENAME=noble\n',
            "ubuntu",
            "noble",
            id="a derivative of ubuntu",
        ),
        pytest.param(
            "ID=raspbian\nID_LIKE=debian\nVERSION_CODENAME=trixie\n# comment\n",
            "debian",
            "trixie",
            id="a derivative of debian",
        ),
    ],
)
def test_the_distribution_is_told(text: str, family: str, suite: str) -> None:
    assert sources.read_os_release(text) == sources.Host(family=family, suite=suite)


def test_a_named_suite_overrides() -> None:
    assert sources.read_os_release("ID=debian\n", suite="sid").suite == "sid"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param('ID=fedora\nPRETTY_NAME="Fedora Linux 43"\n', "this is Fedora Linux 43", id="fedora"),
        pytest.param("", "this is something else", id="empty"),
        pytest.param("ID=debian\n", "name the release with --suite", id="no code name"),
    ],
)
def test_another_system_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(LabError, match=sentence):
        sources.read_os_release(text)


def test_debian_keeps_its_suites_and_their_components() -> None:
    assert chosen(BOOKWORM, ("debian.sources", DEBIAN_SOURCES)) == [
        f"deb [signed-by={DEBIAN_KEYS}] http://mirror.example/debian bookworm main non-free-firmware",
        f"deb [signed-by={DEBIAN_KEYS}] http://mirror.example/debian bookworm-updates main non-free-firmware",
        f"deb [signed-by={DEBIAN_KEYS}] http://mirror.example/debian-security bookworm-security main",
    ]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(
            "deb [arch=amd64 signed-by=/etc/apt/docker.asc] https://x.example/linux/debian bookworm stable",
            id="its component is its own",
        ),
        pytest.param(
            "deb [signed-by=/usr/share/keyrings/vendor.gpg] https://x.example/debian bookworm main",
            id="its key is its own",
        ),
        pytest.param("deb https://apt.vendor.example bookworm main", id="its path is its own"),
        pytest.param("deb http://mirror.example/debian bookworm-pgdg main", id="its suite is its own"),
        pytest.param("deb http://mirror.example/debian trixie main", id="another release"),
        pytest.param("# deb http://x.example/debian bookworm main", id="a comment"),
        pytest.param("deb-src http://x.example/debian bookworm main", id="sources only"),
        pytest.param("deb http://x.example/debian ./", id="a flat repository"),
        pytest.param("nonsense", id="nonsense"),
    ],
)
def test_third_party_entries_are_left_out(line: str) -> None:
    own = chosen(BOOKWORM, ("debian.sources", DEBIAN_SOURCES))
    assert chosen(BOOKWORM, ("debian.sources", DEBIAN_SOURCES), ("vendor.list", line + "\n")) == own


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("deb http://mirror.example.org/debian/ bookworm main", id="a mirror"),
        pytest.param("deb http://mirror.example.org/pub/debian bookworm main contrib # near", id="in a folder"),
        pytest.param(
            "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.pgp] http://x.local/d bookworm main",
            id="a mirror told by its key",
        ),
        pytest.param("deb mirror+file:/etc/apt/mirrors/debian.list bookworm main", id="a list of mirrors"),
    ],
)
def test_a_mirror_of_the_distribution_is_used(line: str) -> None:
    (found,) = chosen(BOOKWORM, ("sources.list", line))
    assert found.split()[2] in line.split()
    assert " bookworm main" in found


def test_ubuntu_gets_universe_because_wrk_is_there() -> None:
    text = (
        "Types: deb\nURIs: http://mirror.example/ubuntu/\nSuites: noble noble-updates noble-backports\n"
        f"Components: main restricted\nSigned-By: {UBUNTU_KEYS}\n"
    )
    assert chosen(NOBLE, ("ubuntu.sources", text), keyring=UBUNTU_KEYS) == [
        f"deb [signed-by={UBUNTU_KEYS}] http://mirror.example/ubuntu/ {suite} main restricted universe"
        for suite in ("noble", "noble-updates")
    ]


def test_without_an_entry_of_its_own_the_user_is_told_what_to_add() -> None:
    with pytest.raises(LabError, match=r"^apt on this host has no ubuntu entry for noble: add the distribution's own"):
        sources.own_sources(NOBLE, [], keyring=None)


def test_a_key_inside_the_entry_is_somebody_elses() -> None:
    text = (
        "Types: deb\nURIs: http://vendor.example/debian\nSuites: bookworm\nComponents: main\n"
        "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQ==\n -----END PGP PUBLIC KEY BLOCK-----\n"
    )
    with pytest.raises(LabError, match="no debian entry for bookworm"):
        chosen(BOOKWORM, ("vendor.sources", text))
