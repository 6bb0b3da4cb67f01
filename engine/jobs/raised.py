"""What the code of others raised: handlers, and the functions that say when they are tried again. Nothing here raises,
whatever the classes of exceptions do when they are asked."""

from __future__ import annotations

import signal
import traceback
from threading import current_thread, main_thread
from typing import Any

from engine.errors import PermanentFailure

_LONGEST_ERROR = 2_000
_LONGEST_DETAIL = 20_000


def ends_program(problem: BaseException) -> bool:
    """Whether *problem* is no matter of the code that it came up in: the keyboard, or the program's own handler of a
    signal, wants all to end. Both speak in the main thread alone."""
    if isinstance(problem, Exception) or current_thread() is not main_thread():
        return False
    return isinstance(problem, KeyboardInterrupt) or _is_signalled(problem)


def told(problem: BaseException) -> str:
    """Its class and what it says; a PermanentFailure's reason alone."""
    text, name = text_of(problem), type(problem).__name__
    if isinstance(problem, PermanentFailure):
        return short(text or name)
    return short(f"{name}: {text}" if text else name)


def text_of(value: object) -> str:
    try:
        return str(value)
    except Exception:  # its class cannot say it
        return ""


def attribute_of(problem: BaseException, name: str) -> Any:
    """None where there is none."""
    try:
        return getattr(problem, name, None)
    except Exception:
        return None


def code_of(problem: BaseException) -> str:
    code = attribute_of(problem, "code")
    return "" if code is None else text_of(code)


def trace_of(problem: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(problem))[-_LONGEST_DETAIL:]
    except Exception:
        return ""


def short(text: str, longest: int = _LONGEST_ERROR) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _is_signalled(problem: BaseException) -> bool:
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    codes = {getattr(getattr(handler, "__func__", handler), "__code__", None) for handler in handlers} - {None}
    return any(frame.f_code in codes for frame, _ in traceback.walk_tb(problem.__traceback__))
