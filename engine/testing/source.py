"""YAML (and so JSON) as plain values that remember their lines, for messages that say file:line."""

from __future__ import annotations

import re
from typing import Any, cast

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is ten times faster, where it was built
_MAXIMUM_VALUES = 200_000  # an alias may repeat a value, but a small file does not become a huge one
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class ScenarioFileError(ValueError):
    """A scenario file that is wrong: *line* says where (1-based), the message what is allowed there."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: error: {message}")
        self.file = file
        self.line = line
        self.message = message


class Table(dict[str, Any]):
    """A YAML mapping. *lines* has the line of each key."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}

    def line_of(self, key: str) -> int:
        return self.lines.get(key, self.line)


class Listing(list[Any]):
    """A YAML sequence. *lines* has the line of each entry."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: list[int] = []


def read_yaml(text: str, file: str) -> Any:
    """The document in *text*: Table, Listing, str, int, float, bool, None.

    Dates stay text and numbers are decimal, as in JSON. Raises ScenarioFileError.
    """
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = mark.line + 1 if mark else 1
        raise ScenarioFileError(file, line, f"not valid YAML: {problem.problem or problem.context}.") from problem
    except yaml.YAMLError as problem:
        raise ScenarioFileError(file, 1, f"not valid YAML: {problem}.") from problem
    return _Builder(file).value(cast("yaml.Node | None", node), frozenset())


class _Builder:
    def __init__(self, file: str) -> None:
        self.file = file
        self.count = 0

    def value(self, node: yaml.Node | None, above: frozenset[int]) -> Any:
        if node is None:
            return None
        line = node.start_mark.line + 1
        self.count += 1
        if id(node) in above:
            raise ScenarioFileError(self.file, line, "an alias contains itself. Write the value out.")
        if self.count > _MAXIMUM_VALUES or len(above) > 100:
            raise ScenarioFileError(self.file, line, "too many or too deeply nested values. Split the file.")
        if isinstance(node, yaml.MappingNode):
            return self._table(node, line, above | {id(node)})
        if isinstance(node, yaml.SequenceNode):
            return self._listing(node, line, above | {id(node)})
        return self._scalar(cast("yaml.ScalarNode", node))

    def _table(self, node: yaml.MappingNode, line: int, above: frozenset[int]) -> Table:
        table = Table(line)
        for key_node, value_node in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            key_line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise ScenarioFileError(self.file, key_line, "a key must be a plain text.")
            key = str(key_node.value)
            if key_node.tag == "tag:yaml.org,2002:merge":
                self._merge(table, self.value(value_node, above), key_line)
                continue
            if key in table.lines:
                raise ScenarioFileError(
                    self.file, key_line, f"the key '{key}' stands twice, first in line {table.lines[key]}. Keep one."
                )
            table[key] = self.value(value_node, above)
            table.lines[key] = key_line
        return table

    def _merge(self, table: Table, merged: Any, line: int) -> None:
        for source in cast("list[Any]", merged if isinstance(merged, list) else [merged]):
            if not isinstance(source, Table):
                raise ScenarioFileError(self.file, line, "'<<' merges mappings only.")
            for key, value in source.items():
                table.setdefault(key, value)

    def _listing(self, node: yaml.SequenceNode, line: int, above: frozenset[int]) -> Listing:
        listing = Listing(line)
        for entry in cast("list[yaml.Node]", node.value):
            listing.append(self.value(entry, above))
            listing.lines.append(entry.start_mark.line + 1)
        return listing

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        text = str(node.value)
        kind = str(node.tag).removeprefix("tag:yaml.org,2002:")
        if kind == "str" and (node.style or not _NUMBER.fullmatch(text)):
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return _BOOLEANS[text.lower()]
        if _INTEGER.fullmatch(text):
            return int(text) if len(text) < 4000 else text
        if _NUMBER.fullmatch(text):
            return float(text)
        if kind in ("float", "int", "timestamp", "str", "value"):
            return text
        raise ScenarioFileError(
            self.file, node.start_mark.line + 1, f"values of type '{node.tag}' are not allowed. Write plain YAML."
        )
