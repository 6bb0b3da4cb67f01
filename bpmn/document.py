"""A .bpmn file as plain elements: parsed defensively, indexed by id and by name.

Names carry one fixed prefix per namespace, whatever the file calls it: BPMN's own have none ('userTask',
'sourceRef'), the others read 'camunda:topic', 'zeebe:taskDefinition', 'bpmndi:BPMNShape'. Namespaces
nobody here knows stay in Clark notation ('{http://...}name').
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final

etree: Any = import_module("lxml.etree")  # comes without types

MAX_BYTES: Final = 16 * 1024 * 1024
MAX_ELEMENTS: Final = 200_000
MAX_DEPTH: Final = 200
MAX_ATTRIBUTES: Final = 200  # of one element

CAMUNDA: Final = "camunda:"
ZEEBE: Final = "zeebe:"
SPIFF: Final = "spiffworkflow:"
MODELER: Final = "modeler:"
BIOC: Final = "bioc:"
COLOR: Final = "color:"

# Activiti and Flowable share their vocabulary with Camunda 7, which grew out of the first.
PREFIXES: Final = {
    "http://www.omg.org/spec/BPMN/20100524/MODEL": "",
    "http://www.omg.org/spec/BPMN/20100524/DI": "bpmndi:",
    "http://www.omg.org/spec/DD/20100524/DC": "dc:",
    "http://www.omg.org/spec/DD/20100524/DI": "di:",
    "http://www.w3.org/2001/XMLSchema-instance": "xsi:",
    "http://camunda.org/schema/1.0/bpmn": CAMUNDA,
    "http://activiti.org/bpmn": CAMUNDA,
    "http://flowable.org/bpmn": CAMUNDA,
    "http://camunda.org/schema/zeebe/1.0": ZEEBE,
    "http://spiffworkflow.org/bpmn/schema/1.0/core": SPIFF,
    "http://camunda.org/schema/modeler/1.0": MODELER,
    "http://bpmn.io/schema/bpmn/biocolor/1.0": BIOC,
    "http://www.omg.org/spec/BPMN/non-normative/color/1.0": COLOR,
}


class Unreadable(ValueError):
    """The bytes are no BPMN file; *rule* and *line* say which finding that makes."""

    def __init__(self, rule: str, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.line = line


class Element:
    """One XML element. *read* and *visited* note what somebody asked for: the rest is not honoured."""

    __slots__ = ("attributes", "children", "line", "name", "parent", "read", "text", "visited")

    def __init__(self, name: str, attributes: dict[str, str], text: str, line: int, parent: Element | None) -> None:
        self.name = name
        self.attributes = attributes
        self.text = text
        self.line = line
        self.parent = parent
        self.children: list[Element] = []
        self.read: set[str] | None = None
        self.visited = False

    @property
    def id(self) -> str:
        return self.attributes.get("id", "")

    def get(self, attribute: str, default: str = "") -> str:
        """The attribute's value without surrounding blanks."""
        value = self.attributes.get(attribute)
        if value is None:
            return default
        if self.read is None:
            self.read = {attribute}
        else:
            self.read.add(attribute)
        return value.strip()

    def was_read(self, attribute: str) -> bool:
        return self.read is not None and attribute in self.read

    def flag(self, attribute: str, default: bool = False) -> bool:
        value = self.get(attribute)
        return default if not value else value in ("true", "1")

    def child(self, name: str) -> Element | None:
        for child in self.children:
            if child.name == name:
                return child
        return None

    def all(self, *names: str) -> list[Element]:
        """The children of these names, in document order."""
        return [child for child in self.children if child.name in names]

    def child_text(self, name: str) -> str:
        child = self.child(name)
        return child.text.strip() if child is not None else ""

    def extensions(self, name: str) -> list[Element]:
        """The extension elements of that name; reading them is what honours them."""
        found: list[Element] = []
        for holder in self.children:
            if holder.name == "extensionElements":
                found += [child for child in holder.children if child.name == name]
        for element in found:
            element.visited = True
        return found

    def extension(self, name: str) -> Element | None:
        found = self.extensions(name)
        return found[0] if found else None

    def parts(self, name: str) -> list[Element]:
        """Like `all`, for what stands inside an extension element."""
        found = self.all(name)
        for element in found:
            element.visited = True
        return found

    def part(self, name: str) -> Element | None:
        found = self.parts(name)
        return found[0] if found else None

    def ancestors(self) -> Iterator[Element]:
        """From the parent outwards."""
        parent = self.parent
        while parent is not None:
            yield parent
            parent = parent.parent

    def walk(self) -> Iterator[Element]:
        """This element and everything in it, in document order."""
        stack: list[Element] = [self]
        while stack:
            element = stack.pop()
            yield element
            stack.extend(reversed(element.children))


@dataclass(slots=True, eq=False)
class Document:
    """*prefixes*: namespaces declared at the root, by prefix; *used*: our prefixes that occur.

    *duplicates*: elements whose id an earlier one has.
    """

    file: str
    root: Element
    prefixes: dict[str | None, str]
    by_id: dict[str, Element]
    duplicates: list[Element]
    by_name: dict[str, list[Element]]
    used: set[str]
    _referring: dict[tuple[str, str], dict[str, list[Element]]] = field(
        default_factory=dict[tuple[str, str], dict[str, list["Element"]]]
    )

    def all(self, *names: str) -> list[Element]:
        """Every element of these names; in document order for one name."""
        if len(names) == 1:
            return self.by_name.get(names[0], [])
        return [element for name in names for element in self.by_name.get(name, ())]

    def referring(self, name: str, attribute: str, to: str) -> list[Element]:
        """The elements of that *name* whose *attribute* names the id *to*."""
        index = self._referring.get((name, attribute))
        if index is None:
            index = self._referring[name, attribute] = {}
            for element in self.all(name):
                index.setdefault(local(element.get(attribute)), []).append(element)
        return index.get(to, []) if to else []

    def resolve(self, reference: str) -> Element | None:
        """The element that a QName or IDREF names, None when it is not in this file."""
        return self.by_id.get(local(reference))


def is_bpmn(element: Element) -> bool:
    """Whether the element is of BPMN's own namespace: no shape, no extension."""
    return ":" not in element.name and not element.name.startswith("{")


def local(reference: str) -> str:
    """A QName without its prefix: 'tns:order' -> 'order'."""
    return reference.strip().rpartition(":")[2]


def parse(data: bytes, file: str) -> Document:
    """Raises Unreadable; entities, DTDs and the network are never touched."""
    if len(data) > MAX_BYTES:
        raise Unreadable("too-large", f"The file has {len(data)} bytes, more than {MAX_BYTES}. Split the diagram.")
    _refuse_doctype(data)
    try:
        root: Any = etree.fromstring(data, _parser())
    except etree.XMLSyntaxError as error:
        line = error.lineno or 1
        raise Unreadable(
            "not-xml", f"Not well-formed XML: {error.msg}. Save the file again from the editor.", line
        ) from None
    except ValueError as error:
        raise Unreadable("not-xml", f"Not readable as XML: {error}. Save the file again from the editor.") from None
    document = _Builder(file).build(root)
    if document.root.name != "definitions":
        raise Unreadable(
            "not-bpmn",
            f"The root element is '{document.root.name}', not 'definitions' of BPMN 2.0 "
            "(http://www.omg.org/spec/BPMN/20100524/MODEL). Deploy a .bpmn file.",
            document.root.line,
        )
    return document


def text_inside(fragment: str, name: str) -> str | None:
    """The text of the first element *name* (in any namespace) of an XML *fragment*; None when there is none."""
    try:
        root: Any = etree.fromstring(fragment.encode(), _parser())
    except (etree.XMLSyntaxError, ValueError):
        return None
    return next((each.text or "" for each in root.iter(f"{{*}}{name}")), None)


class _FirstTag(Exception):
    pass


class _Prolog:
    """Parser target that stops at the first tag: all it wants to know is whether a DOCTYPE comes before."""

    def doctype(self, name: str, public_id: str | None, system: str | None) -> None:
        raise Unreadable("doctype", "The file has a DOCTYPE, which BPMN does not need. Remove it and deploy again.")

    def start(self, tag: str, attributes: Any) -> None:
        raise _FirstTag

    def close(self) -> None:
        return None


def _refuse_doctype(data: bytes) -> None:
    parser = etree.XMLParser(target=_Prolog(), resolve_entities=False, no_network=True, load_dtd=False)
    try:
        etree.fromstring(data, parser)
    except Unreadable:
        raise
    except (_FirstTag, etree.XMLSyntaxError, ValueError):
        return  # what else is wrong shows when the whole file is parsed


def _parser() -> Any:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


class _Builder:
    """Turns lxml's tree into ours, without recursion."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._names: dict[str, str] = {}
        self._used: set[str] = set()

    def build(self, source: Any) -> Document:
        root = self._element(source, None)
        by_id: dict[str, Element] = {}
        by_name: dict[str, list[Element]] = {}
        duplicates: list[Element] = []
        stack: list[tuple[Any, Element, int]] = [(source, root, 1)]
        count = 0
        while stack:
            node, element, depth = stack.pop()
            count += 1
            self._check_limits(count, depth, element)
            by_name.setdefault(element.name, []).append(element)
            self._note_id(element, by_id, duplicates)
            inner = [(child, self._element(child, element), depth + 1) for child in node if isinstance(child.tag, str)]
            element.children = [child for _, child, _ in inner]
            stack.extend(reversed(inner))
        return Document(self._file, root, dict(source.nsmap), by_id, duplicates, by_name, self._used)

    def _note_id(self, element: Element, by_id: dict[str, Element], duplicates: list[Element]) -> None:
        """The first BPMN element of an id has it, also where a shape comes earlier."""
        identifier = element.attributes.get("id")
        if not identifier or element.name.startswith("{"):
            return
        first = by_id.setdefault(identifier, element)
        if first is element:
            return
        if is_bpmn(element) and not is_bpmn(first):
            by_id[identifier], element = element, first
        duplicates.append(element)

    def _element(self, node: Any, parent: Element | None) -> Element:
        # Listing attributes takes lxml the square of their number: look before.
        if len(node.attrib) > MAX_ATTRIBUTES:
            message = f"An element has more than {MAX_ATTRIBUTES} attributes. No editor writes that: check the file."
            raise Unreadable("too-large", message, node.sourceline or 1)
        attributes = {self._name(key) if key[0] == "{" else key: value for key, value in node.attrib.items()}
        return Element(self._name(node.tag), attributes, node.text or "", node.sourceline or 0, parent)

    def _name(self, clark: str) -> str:
        known = self._names.get(clark)
        if known is None:
            namespace, _, name = clark[1:].rpartition("}") if clark[0] == "{" else ("", "", clark)
            prefix = PREFIXES.get(namespace)
            known = clark if prefix is None or not namespace else prefix + name
            # An element in no namespace must not pass for BPMN.
            known = "{}" + clark if not namespace else known
            if prefix:
                self._used.add(prefix)
            self._names[clark] = known
        return known

    def _check_limits(self, count: int, depth: int, element: Element) -> None:
        if count > MAX_ELEMENTS:
            message = f"The file has more than {MAX_ELEMENTS} elements. Split the diagram."
            raise Unreadable("too-large", message, element.line)
        if depth > MAX_DEPTH:
            message = f"Elements are nested deeper than {MAX_DEPTH} levels. Use call activities instead."
            raise Unreadable("too-large", message, element.line)
