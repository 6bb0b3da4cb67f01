"""Where the things are, as the answers say it."""

from __future__ import annotations

from flask import request

PREFIX = "/engine-rest"


def link(method: str, path: str) -> dict[str, str]:
    return {"method": method, "href": f"{request.host_url.rstrip('/')}{PREFIX}{path}", "rel": "self"}
