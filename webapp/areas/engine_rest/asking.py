"""Reading what a request asks for: the fields of its query or of its JSON body, by type."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from flask import request

from engine.errors import InvalidInput
from webapp.areas.engine_rest.variables import read_json, read_moment

LARGEST = 2**31 - 1


class Asked:
    """The fields of a request. Each getter gives None where a field is absent or null, and raises InvalidInput where
    it is not of its type."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields

    def __contains__(self, name: str) -> bool:
        return self.fields.get(name) is not None

    def only(self, *names: str, without_effect: tuple[str, ...] = ()) -> Asked:
        """Itself, where no other field asks for anything: what would change the result is refused by its name, rather
        than ignored. *without_effect*: of what is so anyhow."""
        for name, value in self.fields.items():
            if name not in names and name not in without_effect and value not in (None, False, "", "false", [], {}):
                known = ", ".join(sorted(names)) or "none"
                raise InvalidInput(f"'{name}' is not known here. Leave it out. Known fields are: {known}.")
        return self

    def any(self, name: str) -> Any:
        return self.fields.get(name)

    def text(self, name: str) -> str | None:
        value = self.fields.get(name)
        if value is not None and not isinstance(value, str):
            raise InvalidInput(f"{name} must be a text.")
        return None if value is None else _proper(name, value)

    def needed(self, name: str) -> str:
        if not (value := self.text(name)):
            raise InvalidInput(f"{name} is missing. Give a text.")
        return value

    def integer(self, name: str, lowest: int = -LARGEST) -> int | None:
        value = self.fields.get(name)
        if value is None:
            return None
        is_digits = isinstance(value, str) and value.lstrip("-").isascii() and value.lstrip("-").isdigit()
        if isinstance(value, bool) or not (isinstance(value, int) or (is_digits and len(value) < 12)):
            raise InvalidInput(f"{name} must be a whole number.")
        if not lowest <= (number := int(value)) <= LARGEST:
            raise InvalidInput(f"{name} must be from {lowest} to {LARGEST}.")
        return number

    def flag(self, name: str) -> bool | None:
        value = self.fields.get(name)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if value is not None and not isinstance(value, bool):
            raise InvalidInput(f"{name} must be true or false.")
        return value

    def moment(self, name: str) -> datetime | None:
        value = self.fields.get(name)
        if value is None:
            return None
        try:
            # In a query, a plus that is not escaped arrives as a space.
            return read_moment(value.replace(" ", "+") if isinstance(value, str) else value).astimezone(UTC)
        except (ValueError, OverflowError) as problem:
            message = f"{name} must be a time like 2026-03-02T12:00:00.000+0000: {problem}."
            raise InvalidInput(message) from problem

    def texts(self, name: str) -> list[str] | None:
        """A list in a body, or separated by commas in a query."""
        value = self.fields.get(name)
        if value is None:
            return None
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, list) or not all(isinstance(item, str) for item in cast("list[Any]", items)):
            raise InvalidInput(f"{name} must be a list of texts.")
        return [_proper(name, item) for item in cast("list[str]", items)]

    def object(self, name: str) -> dict[str, Any]:
        """Empty where it is absent."""
        value = self.fields.get(name)
        if value is not None and not isinstance(value, dict):
            raise InvalidInput(f"{name} must be an object.")
        return cast("dict[str, Any]", value or {})

    def objects(self, name: str) -> list[Asked]:
        value = self.fields.get(name)
        items = cast("list[Any]", value) if isinstance(value, list) else [] if value is None else [value]
        if not all(isinstance(item, dict) for item in items):
            raise InvalidInput(f"{name} must be a list of objects.")
        return [Asked(item) for item in items]


def _proper(name: str, text: str) -> str:
    """*text*, if every database can compare it."""
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InvalidInput(f"{name} has a character that no text has: NUL, or half of a pair of surrogates.")
    return text


def the_query() -> Asked:
    return Asked(request.args.to_dict())


def the_body() -> Asked:
    """Of a request with a JSON object, or with nothing."""
    data = request.get_data()
    if not data.strip():
        return Asked({})
    try:
        body = read_json(data)
    except (ValueError, UnicodeDecodeError) as problem:
        raise InvalidInput(f"The body is no JSON: {problem}.") from problem
    if not isinstance(body, dict):
        raise InvalidInput("The body must be a JSON object.")
    return Asked(cast("dict[str, Any]", body))


def asked() -> Asked:
    """The wishes of a list: in the query of a GET, in the body of a POST, which has its pages in the query."""
    if request.method == "GET":
        return the_query()
    pages = {name: value for name, value in request.args.items() if name in ("firstResult", "maxResults")}
    return Asked({**the_body().fields, **pages})
