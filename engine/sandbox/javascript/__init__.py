"""JavaScript: QuickJS in worker processes without files, network, clock or chance, bounded."""

from engine.sandbox.javascript.run import problem_in, run_javascript

__all__ = ["problem_in", "run_javascript"]
