"""A handler that runs in a process of its own, which imports nothing but this."""

from __future__ import annotations

from typing import Any


def compute(job: Any) -> dict[str, Any]:
    return {"findings": [job.variables["patient"], job.variables["heard"], job.idempotency_key]}
