#!/usr/bin/python
"""Ansible module: many small files on a machine in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tandem_place
short_description: Make a machine's copies of folders and files what they are on the controller
description:
  - All files travel in one call, belong to root, and are readable by everybody.
  - A file that a copied folder holds and its source does not is removed, so that no old code is ever run.
options:
  trees: {type: dict, default: {}, description: folder on the machine to folder on the controller}
  files: {type: dict, default: {}, description: path on the machine to the file's text}
  contents: {type: dict, default: {}, description: "path to content in base64; the action plugin makes it of I(trees)"}
"""
EXAMPLES = r"""
- name: Copy the code of flask
  tandem_place: {trees: {/opt/tandem/apps/flask: "{{ playbook_dir }}/apps/flask"}}
"""
RETURN = r"""
written: {description: files that were written, type: list, returned: always}
removed: {description: files that were removed, type: list, returned: always}
"""

import base64
import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule


def differs(path: Path, content: bytes) -> bool:
    """Whether the file is not exactly what it should be."""
    try:
        return path.is_symlink() or path.read_bytes() != content or (path.stat().st_mode & 0o777) != 0o644
    except OSError:
        return True


def write(path: Path, content: bytes) -> None:
    """Write the file whole, for everybody to read; folders on the way are made."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.chmod(0o644)
    os.replace(partial, path)


def extra(tree: Path, wanted: dict[Path, bytes]) -> list[Path]:
    """What the folder holds and should not; folders are left where they are."""
    return sorted(path for path in tree.rglob("*") if (path.is_symlink() or not path.is_dir()) and path not in wanted)


def place(trees: list[str], wanted: dict[Path, bytes], *, check: bool) -> dict[str, object]:
    """Write what differs, remove what is left over; Ansible's result."""
    written = [path for path, content in wanted.items() if differs(path, content)]
    removed = [path for tree in trees for path in extra(Path(tree), wanted)]
    if not check:
        for path in written:
            write(path, wanted[path])
        for path in removed:
            path.unlink()
    return {"changed": bool(written or removed), "written": list(map(str, written)), "removed": list(map(str, removed))}


def main() -> None:
    """Read the parameters, place, answer."""
    module = AnsibleModule(supports_check_mode=True, argument_spec={
        "trees": {"type": "dict", "default": {}},
        "files": {"type": "dict", "default": {}},
        "contents": {"type": "dict", "default": {}},
    })
    os.umask(0o022)
    wanted = {Path(path): text.encode() for path, text in module.params["files"].items()}
    wanted |= {Path(path): base64.b64decode(content) for path, content in module.params["contents"].items()}
    try:
        module.exit_json(**place(list(module.params["trees"]), wanted, check=module.check_mode))
    except OSError as error:
        module.fail_json(msg=f"{error.filename} cannot be placed: {error.strerror}")


if __name__ == "__main__":
    main()
