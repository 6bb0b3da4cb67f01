"""The `fermata` command. Exit codes: 0 done, 1 failed or refused, 2 wrong usage or a bad file."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from engine.errors import DeploymentRefused, EngineError

DONE = 0
REFUSED = 1
WRONG_USAGE = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point: ends the process with the command's exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Runs one command line; prints what it has to say and returns the exit code."""
    from engine.application import ApplicationError
    from engine.cli import logs
    from engine.cli.commands import app
    from engine.settings import SettingsError

    logs.quiet()
    try:
        app(list(arguments), prog_name="fermata")
    except SystemExit as end:
        return _code_of(end)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (ApplicationError, SettingsError) as problem:
        return _complain(str(problem), WRONG_USAGE)
    except DeploymentRefused as refusal:
        return _complain_of_findings(refusal)
    except EngineError as problem:
        return _complain(str(problem), REFUSED)
    except BrokenPipeError:
        return _leave_quietly()
    except Exception as problem:  # the outermost boundary: a sentence, no traceback
        if os.environ.get("FERMATA_DEBUG"):
            raise
        sentence = f"{type(problem).__name__}: {str(problem).splitlines()[0] if str(problem) else 'no details'}"
        return _complain(f"Unexpected problem: {sentence}. Run again with FERMATA_DEBUG=1 to see where.", REFUSED)
    return DONE


def _code_of(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or DONE
    return _complain(str(end.code), REFUSED)


def _complain(message: str, code: int) -> int:
    from engine.cli.output import error

    error(message)
    return code


def _complain_of_findings(refusal: DeploymentRefused) -> int:
    from engine.cli.output import findings

    if not refusal.findings:
        return _complain(str(refusal), REFUSED)
    findings(refusal.findings)
    return _complain("Nothing was deployed: correct the errors above, then deploy again.", REFUSED)


def _leave_quietly() -> int:
    """Whoever read our output has gone: nothing is left to say, not even at the interpreter's end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE
