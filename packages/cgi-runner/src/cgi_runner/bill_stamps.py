"""The bill, the program's side: the moments that only the program itself can see, and the cost of each import.

::

    exec --> first -- site -- begun -- imports, app start -- ready -- handler -- given -- output -- written --> exit

==========  ===========================================================================================================
first       the first line of Python code: the interpreter has started
site        `site.main()` is done: sys.path is whole, the packages of a virtual environment can be found
begun       the bill is ready: what lies between these two is its own cost, and would not be there without it
ready       the application is loaded, and about to be called (a program that is no WSGI application has no such moment)
given       it has given its head and first block, which are about to be written; or, the program has run to its end
written     all output is written
forked      in place of the first two: this process is a copy of an interpreter that had all that behind it
==========  ===========================================================================================================

All are of `time.monotonic_ns`, which on Linux (CLOCK_MONOTONIC) and macOS (mach_absolute_time) is one clock for all
processes of a machine: so the server can put its own moments between them.

**How they travel.** An environment variable names a pipe of the server's (a FIFO). Two lines are written to it, one
before the head of the response, so that the server can still tell of them in a field, and one at the end::

    first=41390112 site=41402312 begun=41402815 ready=41499101 given=41501334 import:jinja2=30104
    written=41501502

The pipe is open only while a line is written, and the variable is gone before any code of the program's runs: the
program has descriptors 0 to 2 and the environment of the request, as without a bill. When nobody reads, or the pipe is
full, the line is lost and the program never knows.

This module is imported by each program that is billed, so it imports little.
"""

import os
import sys
import time

TYPE_CHECKING = False  # not from typing, which every request would pay for; and no annotations from __future__
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

__all__ = ["FIRST_CAUSE", "VARIABLE", "Stamps", "end", "forked", "run_application", "run_program"]

VARIABLE = "CGI_RUNNER_BILL"
"""The environment variable that names the pipe."""

IMPORTS_MAX = 24
"""Packages that are told by name, the dearest first: more would make the line longer than a pipe takes whole (PIPE_BUF,
4096 bytes on Linux), even if they had the longest names."""

NAME_MAX = 100
"""Characters of a name that is told. Others than letters, digits and _ of ASCII are not."""

REST = "..."
"""The name of what all other packages cost together."""

FIRST_CAUSE = "cgi_runner"
"""Who pays for what is imported before the application: the gateway's half of the program."""

_CHILD = "cgi_runner.child"


class Stamps:
    """Moments and costs, until they are told. Without the variable they are told to nobody."""

    def __init__(self, **moments: int) -> None:
        self._pipe = os.environ.pop(VARIABLE, None)
        self._untold = moments
        self._known = set(moments)
        self.costs: dict[str, int] = {}
        self.imports: Imports | None = None

    def take(self, name: str) -> None:
        """It is now the moment `name`. Only the first one counts."""
        if name not in self._known:
            self._known.add(name)
            self._untold[name] = time.monotonic_ns()

    def tell(self) -> None:
        """Write a line of what has not been told yet."""
        if self._pipe is None or not self._untold:
            return
        words = [f"{name}={moment}" for name, moment in self._untold.items()]
        words += [f"import:{package}={cost}" for package, cost in _dearest(self.costs)]
        self._untold, self.costs = {}, {}
        line = " ".join(words).encode() + b"\n"
        try:
            pipe = os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                os.write(pipe, line)
            finally:
                os.close(pipe)
        except OSError:
            pass  # the server has given up this request, or has ended


def _dearest(costs: "dict[str, int]") -> "list[tuple[str, int]]":
    """Return what can be told of the costs, and the sum of the rest."""
    plain = [package for package in costs if len(package) <= NAME_MAX and package.isascii() and package.isidentifier()]
    named = [(costs[package], package) for package in plain]
    told = [(package, cost) for cost, package in sorted(named, reverse=True)[:IMPORTS_MAX]]
    rest = sum(costs.values()) - sum(cost for _, cost in told)
    return [*told, (REST, rest)] if rest else told


class Imports:
    """A finder that finds nothing by itself: it only looks at the clock, on behalf of who is to pay.

    Time is always somebody's. What runs in a module of the application's own package is the application's; when that
    imports another package, the package pays for all until it is there, whatever it imports in turn. So the costs are
    a partition of the time, and each says what would be saved if that package were not needed (unless another one
    needed the same). This is how jinja2 pays for `re` if it is the first to need it, as in `python -X importtime`.

    Only a change of payer costs anything: for any other import this is one comparison of strings.
    """

    def __init__(self, own: str, payer: str, stamps: Stamps) -> None:
        self._own = own
        self._payer = payer
        self._stamps = stamps
        self._costs = stamps.costs
        self._since = time.monotonic_ns()
        stamps.imports = self
        sys.meta_path.insert(0, self)

    def stop(self) -> None:
        """The application stands ready: what it still imports is its own affair. What is not an import is not told."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
            self.charge(self._own)
            self._costs.pop(self._own, None)

    def charge(self, payer: str) -> str:
        """From now on `payer` pays; return who did until now."""
        now = time.monotonic_ns()
        before = self._payer
        self._costs[before] = self._costs.get(before, 0) + now - self._since
        self._payer, self._since = payer, now
        return before

    def find_spec(self, name: str, path: "Any" = None, target: "ModuleType | None" = None) -> "ModuleSpec | None":
        """Find a module as the finders behind this one do; they are asked here only if the payer changes."""
        package = name.partition(".")[0]
        if package == self._payer or self._own not in (package, self._payer):
            return None
        before = self.charge(package)
        try:
            spec = self._find(name, path, target)
        finally:
            self.charge(before)
        # A loader that knows its name is this module's alone. (Of an extension module only the initialisation is seen;
        # that it is loaded from the disk before that is paid by whoever imports it.)
        if spec is not None and getattr(spec.loader, "name", None) == name:
            self._watch(spec.loader, package)
        return spec

    def _find(self, name: str, path: "Any", target: "ModuleType | None") -> "ModuleSpec | None":
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    return spec
        return None

    def _watch(self, loader: "Any", package: str) -> None:
        """Let `package` pay for the execution of the module that `loader` loads."""
        execute = loader.exec_module

        def exec_module(module: "ModuleType") -> None:
            vars(loader).pop("exec_module", None)  # this one, which hides the class's
            before = self.charge(package)
            try:
                execute(module)
            finally:
                self.charge(before)
            if module.__name__ == _CHILD:  # by a program of three lines, as in its docstring
                watch(module, self._stamps)

        try:
            loader.exec_module = exec_module
        except AttributeError:
            pass  # it lets nobody look: whoever imports this pays


def watch(child: "Any", stamps: Stamps) -> None:
    """Take the moments that pass through `cgi_runner.child`, which makes a `Response` when the application is ready."""
    plain_output, plain_response = child.Output, child.Response

    def response(*arguments: "Any", **more: "Any") -> "Any":
        if stamps.imports:
            stamps.imports.stop()
        stamps.take("ready")
        return plain_response(*arguments, **more)

    class Output(plain_output):  # type: ignore[misc,valid-type]
        def __init__(self) -> None:
            super().__init__()
            self._given = False

        def write(self, data: bytes) -> None:
            if not self._given:
                self._given = True
                stamps.take("given")
                stamps.tell()
            super().write(data)

        def finish(self, *, close: bool) -> None:
            stamps.take("written")
            super().finish(close=close)
            stamps.tell()

        def close(self, *, linger: bool = False) -> None:
            stamps.take("written")
            super().close(linger=linger)
            stamps.tell()

    child.Output, child.Response = Output, response


def run_application(stamps: Stamps, spec: str) -> None:
    """Do what `python -c "from cgi_runner.child import main; main()" SPEC` does."""
    sys.argv[:] = ["-c", spec]
    if not _safe_path():
        sys.path.insert(0, "")
    stamps.take("begun")
    Imports(spec.partition(":")[0].partition(".")[0], FIRST_CAUSE, stamps)
    from cgi_runner import child

    watch(child, stamps)
    child.main()


def run_program(stamps: Stamps, file: str) -> None:
    """Do what `python FILE` does."""
    with open(file, "rb") as stream:  # noqa: PTH123 - pathlib is not for every request
        source = stream.read()
    if b"\0" in source:  # no text but an archive, which Python can run and we cannot
        os.execv(sys.executable, [sys.executable, file])  # noqa: S606 - what its `#!` asks for
    sys.argv[:] = [file]
    if not _safe_path():
        sys.path.insert(0, os.path.dirname(os.path.realpath(file)))  # noqa: PTH120
    main = type(sys)("__main__")
    loader: Any = __spec__.loader  # one for source files, such as a program has
    main.__dict__.update(__file__=file, __cached__=None, __annotations__={}, __loader__=type(loader)("__main__", file))
    sys.modules["__main__"] = main
    compile("", file, "exec")  # the first use of this function prepares much that `python FILE` has no need of
    stamps.take("begun")
    Imports("__main__", "__main__", stamps)
    try:
        exec(compile(source, file, "exec", dont_inherit=True), main.__dict__)  # noqa: S102 - it is there to be run
    except Exception as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next  # its author wants to see the program's own part
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        raise SystemExit(1) from None
    finally:
        end(stamps)


def forked(child: "Any") -> Stamps:
    """In a copy of an interpreter that has imported everything, once its environment is that of the request.

    Give the stamps to `end` when the program has run.
    """
    stamps = Stamps(forked=time.monotonic_ns())
    Imports("__main__", "__main__", stamps)  # a program may need what had not been imported
    watch(child, stamps)
    return stamps


def end(stamps: Stamps) -> None:
    """The program has run; what it has printed may not be written yet."""
    if stamps.imports:
        stamps.imports.stop()
    stamps.take("given")
    try:
        sys.stdout.flush()
    except (AttributeError, OSError, ValueError):
        pass  # it will fail again at the exit, which says so
    stamps.take("written")
    stamps.tell()


def _safe_path() -> bool:
    return getattr(sys.flags, "safe_path", False)  # Python 3.11
