"""An operation of the API: its path, what it takes and gives, and the code of it in one place.

`@operation` makes a view of the function, and keeps what it says for the OpenAPI document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce, wraps
from typing import Any, TypeVar, cast

import orjson
from flask import Blueprint, Response, g, request
from pydantic import BaseModel, ValidationError

from engine.tokens import Scope
from webapp.areas.api.access import admit
from webapp.areas.api.problems import Refusal
from webapp.areas.api.reading import Misfit, pointer, read_json
from webapp.rights import Rights

area = Blueprint("api", __name__, url_prefix="/api/v1")

LONGEST_KEY = 255
LARGEST_REQUEST = 16 * 1024 * 1024
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was let in. *query*, *body*: of the operation's models; *repeat_key*: its Idempotency-Key."""

    rights: Rights
    token_id: str
    query: Any = None
    body: Any = None
    repeat_key: str | None = None

    @property
    def by(self) -> str:
        """Whom the history names."""
        return self.rights.name


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 200
    body: BaseModel | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


View = Callable[..., BaseModel | Answer | Response | None]
Shown = TypeVar("Shown", bound=View)


@dataclass(frozen=True, slots=True)
class Operation:
    """*answers*: the model of each status that is no problem, None for no content; *media_type*: of an answer that is
    no JSON; *has_files*: takes a multipart form; *is_repeatable*: knows the header Idempotency-Key. What does not
    can be repeated as it is: done twice, it is refused the second time, or changes nothing more."""

    name: str
    method: str
    path: str
    tag: str
    scope: Scope
    summary: str
    description: str
    answers: Mapping[int, type[BaseModel] | None]
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    media_type: str = "application/json"
    has_files: bool = False
    is_repeatable: bool = False
    has_etag: bool = False

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)


OPERATIONS: list[Operation] = []


def operation(method: str, path: str, *, tag: str, scope: Scope, **said: Any) -> Callable[[Shown], Shown]:
    """The first paragraph of the function's docstring is the summary, the rest the description."""

    def register(view: Shown) -> Shown:
        summary, _, description = (view.__doc__ or "").partition("\n\n")
        known = Operation(
            name=view.__name__,
            method=method,
            path=path,
            tag=tag,
            scope=scope,
            summary=" ".join(summary.split()),
            description=" ".join(description.split()),
            **said,
        )
        OPERATIONS.append(known)
        rule = re.sub(r"{(\w+)}", r"<\1>", path)
        area.add_url_rule(rule, endpoint=known.name, view_func=_served(known, view), methods=[method])
        return view

    return register


def _served(known: Operation, view: View) -> Callable[..., Response]:
    @wraps(view)
    def serve(**path: str) -> Response:
        request.max_content_length = LARGEST_REQUEST
        g.needs_repeat_key = known.is_repeatable
        rights, token_id = admit(known.scope)
        for name, value in path.items():
            _check_text(value, f"/path/{name}")
        call = Call(
            rights=rights,
            token_id=token_id,
            query=_query(known.query) if known.query is not None else None,
            body=_body(known.body) if known.body is not None else None,
            repeat_key=_repeat_key() if known.is_repeatable else None,
        )
        g.repeat_key = call.repeat_key
        return _response(view(call, **path))

    return serve


def _query(model: type[BaseModel]) -> BaseModel:
    given: dict[str, Any] = {}
    for name, values in request.args.lists():
        if len(values) > 1:
            raise _wrong(pointer("/query", name), "given twice")
        given[name] = values[0]
    try:
        return model.model_validate_strings(given)
    except ValidationError as problem:
        raise _refused(problem, "/query") from None


def _body(model: type[BaseModel]) -> BaseModel:
    data = request.get_data()
    if data and request.mimetype != "application/json":
        raise Refusal(415, f"The body is read as application/json, not as '{request.mimetype[:100]}'.")
    try:
        document = read_json(data) if data else {}
    except Misfit as misfit:
        raise _wrong(misfit.pointer, misfit.problem) from None
    except orjson.JSONDecodeError as problem:
        raise Refusal(400, f"The body is no JSON: {problem}.") from None
    except RecursionError:
        raise Refusal(400, "The body is nested too deeply.") from None
    try:
        return model.model_validate(document)
    except ValidationError as problem:
        raise _refused(problem, "") from None


def _refused(problem: ValidationError, place: str) -> Refusal:
    """Without the values: they may be anything."""
    errors = [
        {
            "location": reduce(pointer, each["loc"], place),
            "message": each["msg"],
        }
        for each in problem.errors(include_url=False, include_input=False, include_context=False)[:50]
    ]
    return Refusal(422, "; ".join(f"{each['location'] or '/'}: {each['message']}" for each in errors[:5]), errors)


def _repeat_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 0 < len(key) <= LONGEST_KEY or _NO_TEXT.search(key):
        raise _wrong("/header/Idempotency-Key", f"1 to {LONGEST_KEY} characters")
    return key


def _check_text(text: str, place: str) -> None:
    if len(text) > 1000 or _NO_TEXT.search(text):
        raise _wrong(place, "no id")


def _wrong(place: str, message: str) -> Refusal:
    return Refusal(422, f"{place}: {message}", [{"location": place, "message": message}])


def _response(given: BaseModel | Answer | Response | None) -> Response:
    if isinstance(given, Response):
        return given
    answer = given if isinstance(given, Answer) else Answer(200 if given is not None else 204, given)
    if answer.body is None:
        return Response(status=answer.status, headers=dict(answer.headers))
    data = orjson.dumps(answer.body.model_dump(mode="json", by_alias=True))
    return Response(data, answer.status, dict(answer.headers), mimetype="application/json")


def unchanged(etag: str) -> Response | None:
    """An answer without a body where the caller has that version already."""
    if etag in cast("Any", request.if_none_match):
        return Response(status=304, headers={"ETag": f'"{etag}"'})
    return None
