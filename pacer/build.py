"""Put pacer into one file: `python -m pacer.build OUT.pyz`. The same sources give the same bytes anywhere."""

from __future__ import annotations

import errno
import stat
import sys
import zipfile
from pathlib import Path

_SHEBANG = b"#!/usr/bin/env python3\n"
_STAMP = (1980, 1, 1, 0, 0, 0)


def build(out: Path) -> None:
    """Write the zipapp: pacer's modules and a start, stored without compression, in order, with a fixed date.

    Raises OSError when out cannot be written, or is something else than a plain file.
    """
    if out.exists() and not out.is_file():
        raise FileExistsError(errno.EEXIST, "it exists and is not a plain file")
    package = Path(__file__).resolve().parent
    files = {"__main__.py": (package / "__main__.py").read_bytes()}
    for source in sorted(package.rglob("*.py")):
        files[f"pacer/{source.relative_to(package).as_posix()}"] = source.read_bytes()
    part = out.with_name(f".{out.name}.part")
    with part.open("wb") as raw:
        raw.write(_SHEBANG)
        with zipfile.ZipFile(raw, "w", zipfile.ZIP_STORED) as archive:
            for name in sorted(files):
                entry = zipfile.ZipInfo(name, _STAMP)
                entry.create_system = 3
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                archive.writestr(entry, files[name])
    part.chmod(0o755)
    part.replace(out)


def main() -> int:
    """Build the file that the command line names."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m pacer.build OUT.pyz\n")
        return 1
    try:
        build(Path(sys.argv[1]))
    except OSError as error:
        sys.stderr.write(f"pacer.build: cannot write {sys.argv[1]}: {error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
