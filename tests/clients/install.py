"""Installs the npm packages of package.json: clients of other people that the tests run. Done when something changed.

python -m tests.clients.install
"""

from __future__ import annotations

import sys
from pathlib import Path

from webapp.assets.build import BuildFailed, find_node, install

HERE = Path(__file__).resolve().parent


def main() -> int:
    try:
        install(*find_node(), HERE, "the tests")
    except BuildFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
