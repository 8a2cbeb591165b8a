"""The interpreter in a copy that fork has made: as new before a request, and ended as Python ends it.

A forked copy is in the middle of its parent's life. Before it runs a program it gets what Python finds when it starts;
afterwards it does what Python does at the end; and in between is the program, which should notice nothing::

    in the parent, once     default_signals  before the import of what shall be common
                            freeze           after it: all that there is becomes the state of the copies
    in every copy           renew            environment, standard streams, exit handlers
                            run_program      a file as `__main__` (or the caller runs something else)
                            exit_code        what Python prints, and ends with, when that raises
                            end              threads, exit handlers, buffers, exit
    in the parent           leave            the exit handlers of what was imported before

The copy ends by `os._exit`. To take an interpreter down touches every object that it has, and in a copy each first
touch of a page has the kernel copy it: that would cost more than the request. So `__del__` is called of what a program
has in its global variables, and of nothing else that is still alive.
"""

from __future__ import annotations

import atexit
import builtins
import gc
import io
import os
import signal
import sys
import warnings
from importlib.machinery import SourceFileLoader
from types import ModuleType

TYPE_CHECKING = False  # not from typing: whatever is imported here, every copy has in its memory
if TYPE_CHECKING:
    from typing import Any, NoReturn

__all__ = ["default_signals", "end", "exit_code", "freeze", "leave", "renew", "run_program", "shared_by_all"]

_EXIT_NO_FLUSH = 120
"""What Python ends with when its standard output cannot be written at the end."""

_USEFUL_TO_ALL = (("logging", "shutdown"), ("multiprocessing.util", "_exit_function"))
"""Exit handlers of the library that serve those who use it later; `weakref.finalize` has a third."""

_COERCED = b"LC_CTYPE"
"""What Python sets by itself when it is started in the C locale (PEP 538)."""

_STREAMS = ("stdin", "stdout", "stderr")

_OURS = os.path.dirname(__file__) + os.sep  # noqa: PTH120 - pathlib is not for each copy

_at_start = dict(os.environb)
_changed: dict[bytes, bytes | None] = {}  # variables that the import has set or removed, as it would in every program

_fresh: list[io.TextIOWrapper] = []  # the standard streams of the copies, which nobody has used

_program: list[ModuleType] = []  # the `__main__` of this copy, if it runs a file

_frozen: list[Any] = []  # files that were open at `freeze`: the collector does not show them any more


def default_signals() -> None:
    """Undo what whoever has started this process blocks or ignores; Python itself ignores two."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def freeze() -> None:
    """Make all that there is now the common state of all copies."""
    _make_streams()  # here, for to make them touches a hundred pages
    for name in _at_start.keys() | os.environb.keys():
        if _at_start.get(name) != os.environb.get(name) or name == _COERCED:
            _changed[name] = os.environb.get(name)
    _frozen[:] = _open_files()
    for file in _frozen:
        _flush(file)  # else every copy would write the same bytes
    gc.collect()
    gc.freeze()  # the collector of a copy looks only at what is its own, and so leaves these pages shared


def shared_by_all(but: int) -> list[str]:
    """Say what the import has left that copies should not share, or cannot have. `but`: a descriptor to pass over."""
    notes = []
    opened = [int(name) for name in os.listdir("/dev/fd") if int(name) > 2]  # noqa: PTH208 - the names are wanted
    opened = [descriptor for descriptor in opened if descriptor != but and _is_open(descriptor)]
    if opened:
        numbers = ", ".join(map(str, sorted(opened)))
        notes.append(f"its import has left descriptors open ({numbers}), which all requests share")
    if (threading := sys.modules.get("threading")) and (threads := threading.active_count() - 1):
        notes.append(f"its import has started threads ({threads}), which no request has")
        # Python would say as much at every fork.
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    return notes


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:  # the listing's own
        return False
    return True


def renew(environment: dict[bytes, bytes]) -> None:
    """Give the interpreter what it would have found at its start."""
    for name, value in _changed.items():
        if value is None:
            environment.pop(name, None)
        elif name in _at_start or name not in environment:  # an import that sets defaults does not hide the request
            environment[name] = value
    _set_environment(environment)
    for place, stream in zip(_STREAMS, _fresh, strict=True):
        if getattr(sys, place) is getattr(sys, f"__{place}__"):  # else the application has put its own there
            setattr(sys, place, stream)
            setattr(sys, f"__{place}__", stream)
    _forget_exit_handlers()


def _set_environment(environment: dict[bytes, bytes]) -> None:
    """Replace the environment, that of C code too, as `os.environb.clear` and `update` do in many more steps."""
    known: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]  # noqa: SLF001 - saves half of the pages
    for name in known.keys() - environment.keys():
        os.unsetenv(name)
    for name, value in environment.items():
        if known.get(name) != value:
            os.putenv(name, value)
    known.clear()
    known.update(environment)


def _make_streams() -> None:
    """Make the standard streams of the copies, with pipes in their places, as there will be.

    What stands at 0 to 2 now may be a terminal, or a file with a position, and a stream remembers what it has found.
    """
    places = range(3)
    ours = [os.dup(place) for place in places]
    read, write = os.pipe()
    for place in places:
        os.dup2(write if place else read, place)
    _fresh[:] = [_stream(place, getattr(sys, f"__{_STREAMS[place]}__")) for place in places]
    for place in places:
        os.dup2(ours[place], place)
    for descriptor in (*ours, read, write):
        os.close(descriptor)


def _stream(place: int, like: io.TextIOWrapper) -> io.TextIOWrapper:
    """Make a stream as Python does at its start."""
    mode = "w" if place else "r"
    unbuffered = isinstance(like.buffer, io.RawIOBase)  # PYTHONUNBUFFERED
    binary: Any = open(place, mode + "b", 0 if unbuffered else -1, closefd=False)  # noqa: SIM115 - open to the end
    (binary if unbuffered else binary.raw).name = like.name
    lines = place == 2 and not unbuffered
    text = io.TextIOWrapper(binary, like.encoding, like.errors, "\n", lines, like.write_through)
    text.mode = mode  # type: ignore[misc]  # typeshed has it read-only
    return text


def _forget_exit_handlers() -> None:
    """Leave the exit handlers of the import to the zygote, except those with which the library serves later users.

    An application that makes a directory when it is imported, and registers its removal, would find it gone after the
    first request.
    """
    atexit._clear()  # noqa: SLF001
    for module, name in _USEFUL_TO_ALL:
        if module in sys.modules:
            atexit.register(getattr(sys.modules[module], name))
    if weakref := sys.modules.get("weakref"):
        weakref.finalize._registry.clear()  # noqa: SLF001
        weakref.finalize._registered_with_atexit = False  # noqa: SLF001


def run_program(argv: list[str]) -> None:
    """Run a file as `python FILE` does."""
    file = argv[0]
    try:
        with io.open_code(file) as source:
            text = source.read()
    except OSError:
        text = b"\0"
    if b"\0" in text:  # no source but an archive, or nothing that can be read: what to do then is Python's to know
        os.execv(sys.executable, [sys.executable, *argv])  # noqa: S606 - the same program in the same process
    sys.argv = argv
    sys.orig_argv = [sys.executable, *argv]
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(file))  # noqa: PTH120 - pathlib is not for each copy
    main = ModuleType("__main__")
    main.__dict__.update(
        __loader__=SourceFileLoader("__main__", file), __annotations__={}, __builtins__=builtins,
        __file__=file, __cached__=None,
    )  # fmt: skip
    sys.modules["__main__"] = main
    _program[:] = [main]
    exec(compile(text, file, "exec", dont_inherit=True), main.__dict__)  # noqa: S102 - a program is there to be run


def exit_code(error: BaseException) -> int:
    """Return what Python ends with after `error`, negative for a signal, having printed what it prints."""
    if isinstance(error, SystemExit):
        if error.code is None or isinstance(error.code, int):
            return (error.code or 0) & 0xFF  # all that the kernel passes on
        print(error.code, file=sys.stderr)
        return 1
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OURS):
        trace = trace.tb_next  # the program's own part is what its author wants to see
    sys.excepthook(type(error), error.with_traceback(trace), trace)
    return -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1


def end(code: int) -> NoReturn:
    """Do what Python does at its end, except for taking the interpreter down; `code` is from `exit_code`, or 0.

    What stands in the buffers of files that were left open is written, as it would be.
    """
    try:
        if threading := sys.modules.get("threading"):
            threading._shutdown()  # noqa: SLF001 - as Python calls it: waits for all that are not daemons
        atexit._run_exitfuncs()  # noqa: SLF001
        if not (threading and threading.active_count() > 1):  # what is left then is a daemon, which may need them
            for main in _program:
                _let_go(main.__dict__)
        for file in (*_frozen, *_open_files()):
            if file is not sys.stdout:
                _flush(file)
        if (error := _flush(sys.stdout)) is not None:
            print(f"Exception ignored in: {sys.stdout!r}\n{type(error).__name__}: {error}", file=sys.stderr)
            code = _EXIT_NO_FLUSH
        if code < 0:
            signal.signal(-code, signal.SIG_DFL)
            signal.raise_signal(-code)
    finally:
        os._exit(abs(code))


def _let_go(names: dict[str, Any]) -> None:
    """Drop a program's global variables, the last one first: what it needs for its end is still there then.

    So a temporary file, for one, is removed. Python goes on to cycles and to other modules, which may take long.
    """
    for name in reversed([*names]):
        if name != "__builtins__":
            names.pop(name, None)


def _open_files() -> list[Any]:
    """Return all files with a buffer. The collector knows every object that is not frozen."""
    kinds = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
    return [thing for thing in gc.get_objects() if type(thing) in kinds and not thing.closed]


def _flush(file: Any) -> Exception | None:
    try:
        if file is not None and not file.closed:
            file.flush()
    except (OSError, ValueError) as error:
        return error
    return None


def leave() -> NoReturn:
    """End the parent: what the import has registered is done now. A thread that it started is not waited for."""
    atexit._run_exitfuncs()  # noqa: SLF001
    for file in _frozen:
        _flush(file)
    os._exit(0)
