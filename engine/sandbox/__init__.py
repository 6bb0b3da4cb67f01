"""Runs scripts of diagrams without the engine's powers: no files, no network, no clock, bounded.

What a pure subset of Python covers runs at once in this process, as closures; the rest runs in worker
processes of the Monty interpreter. JavaScript runs in worker processes of its own.
"""

from engine.sandbox.limits import Limits, ScriptError
from engine.sandbox.run import evaluate, run_script
from engine.scripting import ScriptResult

__all__ = ["Limits", "ScriptError", "ScriptResult", "evaluate", "run_script"]
