"""Read one YAML file, strictly: a key given twice, a tag, an alias loop or a value of an unusual type is
refused.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import yaml

from collectors.errors import PlanError
from collectors.plan.document import Item, Scalar

_TAG = "tag:yaml.org,2002:"
_SCALARS = {f"{_TAG}{name}" for name in ("null", "bool", "int", "float", "str")}
_DEPTH_MAX = 20
_NODES_MAX = 50_000  # aliases count each time they are used, so that a few lines cannot grow without end


class _Builder:
    """Turns the nodes of one document into items."""

    def __init__(self, source: str, *, lines: bool) -> None:
        self.source = source
        self.lines = lines
        self.nodes = 0
        self.scalars = yaml.constructor.SafeConstructor()

    def where(self, node: yaml.Node) -> str:
        return f"{self.source}, line {node.start_mark.line + 1}" if self.lines else self.source

    def build(self, node: yaml.Node, name: str, depth: int = 0) -> Item:
        where = self.where(node)
        self.nodes += 1
        if self.nodes > _NODES_MAX:
            raise PlanError(
                f"{where}: the file holds more than {_NODES_MAX} values, aliases counted each time"
            )
        if depth > _DEPTH_MAX:
            raise PlanError(
                f"{where}: {name} is nested more than {_DEPTH_MAX} levels deep; allowed: plain mappings and "
                "lists"
            )
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return Item(value=self.mapping(node, name, depth), name=name, where=where)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            items = tuple(
                self.build(part, f"{name}[{number}]", depth + 1) for number, part in enumerate(node.value, 1)
            )
            return Item(value=items, name=name, where=where)
        if isinstance(node, yaml.ScalarNode) and node.tag in _SCALARS:
            return Item(value=self.scalar(node, where), name=name, where=where)
        raise PlanError(
            f"{where}: {name or 'the file'} has a value of type {node.tag.removeprefix(_TAG)}; allowed: "
            "text, number, true, false, list, mapping (put other values in quotes)"
        )

    def scalar(self, node: yaml.ScalarNode, where: str) -> Scalar:
        try:
            value: Scalar = self.scalars.construct_object(node)
        except (ValueError, yaml.YAMLError):
            raise PlanError(
                f"{where}: {node.value[:60]!r} is no number; put it in quotes if it is a text"
            ) from None
        return value

    def mapping(self, node: yaml.MappingNode, name: str, depth: int) -> dict[str, Item]:
        items: dict[str, Item] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise PlanError(f"{self.where(key_node)}: a key is a list or a mapping; allowed: a name")
            key = str(key_node.value)
            if key in items:
                raise PlanError(
                    f"{self.where(key_node)}: the key {key!r} is given twice (first on line {first[key]})"
                )
            first[key] = key_node.start_mark.line + 1
            item = self.build(value_node, f"{name}.{key}" if name else key, depth + 1)
            items[key] = replace(item, where=self.where(key_node))
        return items


def parse(text: str, source: str, *, name: str = "", lines: bool = True) -> Item:
    """The one document that text holds; source names it in refusals."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{source}, line {mark.line + 1}" if mark and lines else source
        raise PlanError(f"{place}: this is not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise PlanError(f"{source}: this is not YAML: {' '.join(str(error).split())[:120]}") from None
    if node is None:
        return Item(value=None, name=name, where=source)
    return _Builder(source, lines=lines).build(node, name)


def load(path: Path, source: str) -> Item:
    """The document in the file at path; source is how refusals call it (a path from the project's folder)."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PlanError(f"{source}: byte {error.start} is not UTF-8 text") from None
    except OSError as error:
        raise PlanError(f"{source}: cannot be read: {error.strerror}") from None
    return parse(text, source)
