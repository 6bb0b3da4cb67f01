"""Builds the web assets before a wheel or an editable installation is made, so that a wheel needs no Node."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WebAssetsHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Raises RuntimeError when the assets cannot be built; what went wrong stands on stderr."""
        script = Path(self.root, "webapp", "assets", "build.py")
        finished = subprocess.run([sys.executable, str(script)], check=False, stdout=sys.stderr)
        if finished.returncode:
            raise RuntimeError("The web assets could not be built; see the message above.")
