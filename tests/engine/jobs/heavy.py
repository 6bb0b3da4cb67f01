"""Handlers that run in processes: these import them anew."""

import os
import sys
import time
from pathlib import Path

from engine import BpmnError, Job


def work(job: Job) -> dict[str, object]:
    match job.variables["do"]:
        case "return":
            return {"process": os.getpid(), "attempt": job.attempt}
        case "raise":
            raise KeyError("nothing there")
        case "refuse":
            raise BpmnError("REFUSED", "not today", {"why": "rain"})
        case "exit":
            sys.exit(3)
        case "die":
            os._exit(7)
        case "leave a child":
            note = Path(job.variables["note"])
            if child := os.fork():
                note.write_text(str(child))
                os._exit(7)
            time.sleep(200)  # with all that its parent had open
            note.write_text("ended")
            os._exit(0)
        case "note and hang":
            Path(job.variables["note"]).write_text(str(os.getpid()))
            while True:
                time.sleep(0.01)
        case _:
            raise LocalError(job)


class LocalError(Exception):
    """Cannot be sent from process to process."""

    def __init__(self, job: Job) -> None:
        super().__init__("odd", lambda: job)
