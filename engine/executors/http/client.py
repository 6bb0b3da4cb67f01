"""One HTTP request, to a host that the application allows, bounded in time and size.

Diagrams are data: without a list of hosts they could ask for anything that this machine reaches.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2

from engine.clock import SystemClock
from engine.errors import PermanentFailure

LARGEST_RESPONSE = 10 * 1024 * 1024
LONGEST = 120.0
"""Seconds for a whole request, however small the pieces that it comes in."""
_MOST_REDIRECTS = 5
_LONGEST_PAUSE = timedelta(days=1)


class HttpFailure(Exception):
    """The request could not be made, or was answered with status 400 or above. *code*: the status, or ''.
    *retry_after*: when the other side wants to be asked again."""

    def __init__(self, message: str, code: str = "", retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Request:
    """*body*: None, a text, or plain data that is sent as JSON (or as a form, where its content type says so)."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, Any] = field(default_factory=dict[str, Any])
    body: Any = None
    basic: tuple[str, str] | None = None
    connect_timeout: float = 20.0
    read_timeout: float = 20.0


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    reason: str
    headers: Mapping[str, str]
    text: str
    received_at: datetime

    @property
    def retry_after(self) -> timedelta | None:
        """What `Retry-After` says where the status is 429 or 503 (RFC 9110, 10.2.3), at most a day."""
        said = self.headers.get("retry-after", "").strip()
        if self.status not in (429, 503) or not said:
            return None
        if said.isascii() and said.isdigit():
            return min(timedelta(seconds=int(said[:9])), _LONGEST_PAUSE)
        try:  # a date, by the clock of the other side where it says what time it is there
            until = parsedate_to_datetime(said)
            after = until - (parsedate_to_datetime(now) if (now := self.headers.get("date")) else self.received_at)
        except (TypeError, ValueError):
            return None
        return min(max(after, timedelta()), _LONGEST_PAUSE)


class HttpClient:
    """*allowed_hosts*: names like 'api.example.org', 'localhost:8080' or '*.example.org' (any host below it).

    *transport*: instead of the network, for tests."""

    def __init__(self, allowed_hosts: Sequence[str], transport: httpx2.BaseTransport | None = None) -> None:
        self._allowed = tuple(host.lower() for host in allowed_hosts)
        self._transport = transport

    def send(self, request: Request) -> Response:
        """Raises PermanentFailure for a request that may or can not be made, HttpFailure where it fails."""
        self._check(request.url)
        timeout = httpx2.Timeout(request.read_timeout, connect=request.connect_timeout)
        try:
            with httpx2.Client(
                transport=self._transport,
                timeout=timeout,
                follow_redirects=request.method in ("GET", "HEAD"),
                max_redirects=_MOST_REDIRECTS,
                event_hooks={"request": [lambda sent: self._check(str(sent.url))]},
            ) as client:
                return _read(client, request)
        except httpx2.InvalidURL as problem:
            raise PermanentFailure(f"'{_shown(request.url)}' is no URL: {problem}.") from None
        except httpx2.HTTPError as problem:
            why = str(problem) or type(problem).__name__
            raise HttpFailure(f"{request.method} {_shown(request.url)} failed: {why}.") from None

    def _check(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            host, port, parts = "", None, urlsplit("")
        if parts.scheme not in ("http", "https") or not host:
            raise PermanentFailure(f"'{_shown(url)}' is no URL of http or https. Correct it in the diagram.")
        names = {host, f"{host}:{port or (443 if parts.scheme == 'https' else 80)}"}
        if not any(allowed in names or _is_below(host, allowed) for allowed in self._allowed):
            raise PermanentFailure(
                f"No diagram may send requests to '{host}'. Where that is meant, add it to fermata.toml: "
                f'[http] allowed_hosts = ["{host}"], and start again.'
            )


def _is_below(host: str, allowed: str) -> bool:
    return allowed.startswith("*.") and host.endswith(allowed[1:])


def _read(client: httpx2.Client, request: Request) -> Response:
    until = time.monotonic() + LONGEST
    with client.stream(
        request.method,
        request.url,
        headers=dict(request.headers),
        params=dict(request.query) or None,
        auth=request.basic,
        **_content(request),
    ) as answer:
        data = bytearray()
        for piece in answer.iter_bytes():
            data += piece
            if len(data) > LARGEST_RESPONSE:
                raise PermanentFailure(f"{_shown(request.url)} answered with more than {LARGEST_RESPONSE:,} bytes.")
            if time.monotonic() > until:
                raise HttpFailure(f"{_shown(request.url)} took longer than {LONGEST:g} seconds.")
        text = bytes(data).decode(answer.encoding or "utf-8", errors="replace")
        return Response(answer.status_code, answer.reason_phrase, dict(answer.headers), text, SystemClock().now())


def _content(request: Request) -> dict[str, Any]:
    if request.body is None:
        return {}
    kind = next((text for name, text in request.headers.items() if name.lower() == "content-type"), "")
    if isinstance(request.body, str):
        return {"content": request.body}
    if kind.startswith("application/x-www-form-urlencoded") and isinstance(request.body, Mapping):
        return {"data": request.body}
    if kind.startswith("multipart/"):
        raise PermanentFailure("Bodies of several parts are not sent here. Let a handler of your own do it.")
    return {"json": request.body}


def _shown(url: str) -> str:
    """Without what may be secret: user, query, fragment."""
    before, _, _ = url.partition("?")
    scheme, separator, rest = before.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"[:200]
