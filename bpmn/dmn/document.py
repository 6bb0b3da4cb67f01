"""A .dmn file as XML elements: parsed without DTDs, entities or network, bounded in size and depth."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

etree: Any = import_module("lxml.etree")  # comes without types

MAX_BYTES: Final = 8 * 1024 * 1024
MAX_ELEMENTS: Final = 200_000
NAMESPACES: Final = (
    "http://www.omg.org/spec/DMN/20130901",
    "http://www.omg.org/spec/DMN/20151101/dmn.xsd",
    "http://www.omg.org/spec/DMN/20151101/dmn11.xsd",
    "http://www.omg.org/spec/DMN/20180521/MODEL/",
    "https://www.omg.org/spec/DMN/20191111/MODEL/",
    "https://www.omg.org/spec/DMN/20211108/MODEL/",
    "https://www.omg.org/spec/DMN/20230324/MODEL/",
    "https://www.omg.org/spec/DMN/20240513/MODEL/",
)


class Unreadable(ValueError):
    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def parse(data: bytes) -> Any:
    """The <definitions> element. Raises Unreadable."""
    if len(data) > MAX_BYTES:
        raise Unreadable(f"The file has {len(data)} bytes; at most {MAX_BYTES} are read.")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise Unreadable(f"Not well-formed XML: {error.msg}.", error.lineno or 1) from None
    except ValueError as error:
        raise Unreadable(f"Not XML: {error}.") from None
    if root.getroottree().docinfo.doctype:
        raise Unreadable("The file has a document type declaration (DOCTYPE), which is refused. Remove it.")
    if tag(root) != "definitions" or namespace(root) not in NAMESPACES:
        raise Unreadable("The file is no DMN 1.1 to 1.6 model: its root is not <definitions> of that namespace.")
    if sum(1 for _ in root.iter()) > MAX_ELEMENTS:
        raise Unreadable(f"The file has more than {MAX_ELEMENTS} elements.")
    return root


def tag(element: Any) -> str:
    """The local name; '' for what is no element."""
    name = element.tag
    return name.rpartition("}")[2] if isinstance(name, str) else ""


def namespace(element: Any) -> str:
    return element.tag.partition("}")[0].lstrip("{")


def children(element: Any, *names: str) -> Iterator[Any]:
    """Child elements of DMN's own namespaces, of these names or of any."""
    for child in element:
        if isinstance(child.tag, str) and namespace(child) in NAMESPACES and (not names or tag(child) in names):
            yield child


def child(element: Any, *names: str) -> Any | None:
    return next(children(element, *names), None)


def text_of(element: Any | None) -> str:
    """What its <text> holds, or its own text."""
    if element is None:
        return ""
    inner = child(element, "text")
    return "".join((element if inner is None else inner).itertext()).strip()


def line_of(element: Any) -> int:
    return element.sourceline or 1
