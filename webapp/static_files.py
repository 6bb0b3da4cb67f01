"""Addresses of style sheets and scripts that change with their content, so that browsers may keep them."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, request, url_for

STATIC = Path(__file__).resolve().parent / "static"
A_YEAR = 31_536_000


def install(app: Flask) -> None:
    app.add_template_global(asset)
    app.add_template_global(has_built_assets)

    @app.after_request
    def let_browsers_keep(response: Response) -> Response:
        if request.endpoint == "static" and request.args.get("v") and response.status_code == 200:
            response.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable"
        return response


def asset(name: str) -> str:
    """The address of static/*name* with the stamp of its content."""
    return url_for("static", filename=name, v=_stamp(name))


def has_built_assets() -> bool:
    return (STATIC / "dist" / "manifest.json").is_file()


def _stamp(name: str) -> str:
    if name.startswith("dist/"):
        return _built_stamps().get(name.removeprefix("dist/"), "")
    path = STATIC / name
    return _content_stamp(path, path.stat().st_mtime_ns)


def _built_stamps() -> dict[str, str]:
    path = STATIC / "dist" / "manifest.json"
    try:
        return _read_manifest(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError):
        return {}


@lru_cache(maxsize=4)
def _read_manifest(path: Path, _changed_at: int) -> dict[str, str]:
    return json.loads(path.read_text())["files"]


@lru_cache(maxsize=64)
def _content_stamp(path: Path, _changed_at: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
