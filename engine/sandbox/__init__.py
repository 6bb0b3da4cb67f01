"""Runs scripts of diagrams without the engine's powers: no files, no network, no clock, bounded.

What a pure subset of Python covers runs at once in this process, as closures; the rest runs in worker
processes of the Monty interpreter.
"""

from engine.sandbox.run import Limits, ScriptError, ScriptResult, evaluate, run_script

__all__ = ["Limits", "ScriptError", "ScriptResult", "evaluate", "run_script"]
