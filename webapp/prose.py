"""The little Markdown that forms and diagrams are written with, as safe HTML: headings, lists, emphasis, links."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flask import Flask
from markupsafe import Markup, escape

_HEADING = re.compile(r"#{1,6}\s+(.*)")
_ITEM = re.compile(r"(?:[-*+]|\d+[.)])\s+(.*)")
_INLINE = re.compile(
    r"\*\*(?P<bold>[^*\n]+)\*\*|\*(?P<soft>[^*\n]+)\*|`(?P<code>[^`\n]+)`|\[(?P<label>[^\]\n]+)\]\((?P<url>[^)\s]+)\)"
)
_TAG = re.compile(r"<[^<>]*>")
LONGEST = 20_000  # characters; what is longer is cut


def install(app: Flask) -> None:
    app.add_template_filter(prose)
    app.add_template_filter(prose_line)


def prose(text: str) -> Markup:
    """*text* as HTML. Everything is escaped first: tags that somebody wrote do nothing and are left out."""
    blocks: list[Markup] = []
    for block in re.split(r"\n\s*\n", _TAG.sub("", text[:LONGEST]).strip()):
        lines = [line.strip() for line in block.splitlines()]
        while lines and (heading := _HEADING.fullmatch(lines[0])):
            blocks.append(Markup("<h3>{}</h3>").format(prose_line(heading[1])))
            lines.pop(0)
        items = [_ITEM.fullmatch(line) for line in lines]
        if lines and all(items):
            inner = Markup("").join(Markup("<li>{}</li>").format(prose_line(item[1])) for item in items if item)
            blocks.append(Markup("<ul>{}</ul>").format(inner))
        elif lines:
            blocks.append(Markup("<p>{}</p>").format(Markup("<br>").join(prose_line(line) for line in lines)))
    return Markup("\n").join(blocks)


def prose_line(text: str) -> Markup:
    """*text*, which stands in a line of its own, as HTML; line breaks in it mean nothing."""
    parts: list[Markup] = []
    end = 0
    for match in _INLINE.finditer(text):
        parts.append(escape(text[end : match.start()]))
        parts.append(_styled(match))
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


def _styled(match: re.Match[str]) -> Markup:
    if match["bold"]:
        return Markup("<strong>{}</strong>").format(match["bold"])
    if match["soft"]:
        return Markup("<em>{}</em>").format(match["soft"])
    if match["code"]:
        return Markup("<code>{}</code>").format(match["code"])
    if urlsplit(match["url"]).scheme not in ("http", "https", "mailto"):
        return escape(match["label"])
    return Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(match["url"], match["label"])
