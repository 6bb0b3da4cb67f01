"""One worker process: runs scripts that come on its standard input, each in a fresh context, until that closes.

    python -I -S worker.py FOLDER

FOLDER is where the module `quickjs` lies. A message is four bytes of length and so many of JSON. The process
gives up what it does not need before it reads the first script: files, processes, memory without end. A
script that takes too long even so ends the process (SIGPROF), for the pool to start another.
"""

# Started by its path, without the engine: it imports nothing of it.
import json
import resource
import signal
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

_STACK = 512 * 1024  # bytes, of the 8 MB that the main thread has
_SPARE = 512 * 1024 * 1024  # bytes of address space for Python itself, above the script's memory
_BEYOND = 1.0  # seconds after its limit that a script has which the interpreter cannot interrupt
_MOST_PENDING = 100_000  # promises that a script may leave to be settled
_OFFSET = 200_001  # lines: a number above is one of the facade, none of the script


def main(folder: str) -> None:
    sys.path.append(folder)
    import quickjs

    facade = "\n" * _OFFSET + "{}({})".format(*(_text(name).strip() for name in ("facade.js", "java.js")))
    _give_up_powers()
    while True:
        context = quickjs.Context()  # before a script waits for it
        context.set_max_stack_size(_STACK)
        prepare = context.eval(facade)
        message = _read(sys.stdin.buffer)
        if message is None:
            break
        limits = message["limits"]
        _limit_memory(limits["memory"])
        context.set_memory_limit(limits["memory"])
        context.set_time_limit(limits["seconds"])
        signal.setitimer(signal.ITIMER_PROF, limits["seconds"] + _BEYOND)
        answer = _run(quickjs, context, prepare, message)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write(sys.stdout.buffer, answer)


def _run(quickjs: Any, context: Any, prepare: Any, message: dict[str, Any]) -> dict[str, Any]:
    try:
        if "text" in message:  # to be read, not run
            context.eval("throw 'read';" + message["text"])
            return {}
        step = prepare(json.dumps(message["request"]))
        step("run")
        for _ in range(_MOST_PENDING):
            if not context.execute_pending_job():
                return {"answer": step("finish")}
        return {"failure": "InternalError: interrupted"}
    except quickjs.JSException as problem:
        return {"failure": str(problem)}
    except MemoryError:
        return {"failure": "InternalError: out of memory"}


def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")


def _give_up_powers() -> None:
    """No new file, socket or process, and no trace of a crash."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def _limit_memory(memory: int) -> None:
    with suppress(ValueError, OSError):  # not every system can; the interpreter's own limit stands
        resource.setrlimit(resource.RLIMIT_AS, (memory * 2 + _SPARE, resource.RLIM_INFINITY))


def _read(stream: BinaryIO) -> Any:
    head = stream.read(4)
    if len(head) < 4:
        return None
    return json.loads(stream.read(struct.unpack(">I", head)[0]))


def _write(stream: BinaryIO, message: dict[str, Any]) -> None:
    data = json.dumps(message).encode()
    stream.write(struct.pack(">I", len(data)) + data)
    stream.flush()


if __name__ == "__main__":
    main(sys.argv[1])
