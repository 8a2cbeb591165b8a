"""From `MODULE:APP` on a command line to the application object."""

from __future__ import annotations

import gc
import importlib
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import StartupError
from .log import line

__all__ = ["load", "preload"]

DEFAULT_NAME = "application"
"""What a module's application is called when the command line does not say (PEP 3333's own examples do not agree)."""


def load(spec: str) -> Callable[..., Any]:
    """Import `MODULE[:NAME]` and return the callable. Raises StartupError with one sentence that names the fault.

    NAME may have dots (`package.module:factory.app`). The working directory is on the import path, first.
    """
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    module_name, _, name = spec.partition(":")
    if not module_name:
        raise StartupError(f"{spec!r} does not name an application: write MODULE:NAME, such as demo_app:app")
    found: Any = _import(module_name)
    for part in (name or DEFAULT_NAME).split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise StartupError(f"the module {module_name!r} has no {name or DEFAULT_NAME!r}") from None
    if not callable(found):
        raise StartupError(f"{spec!r} is of type {type(found).__name__}, which cannot be called")
    return found  # type: ignore[no-any-return]  # callable() has been asked


def _import(module_name: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and f"{module_name}.".startswith(f"{error.name}."):
            raise StartupError(f"there is no module {error.name!r} in {Path.cwd()} or on the import path") from None
        raise StartupError(f"the module {module_name!r} needs {error.name!r}, which is not installed") from None
    except (Exception, SystemExit) as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        what, at = str(error), f"{where.filename}, line {where.lineno}"
        if isinstance(error, SyntaxError) and error.filename:
            what, at = error.msg, f"{error.filename}, line {error.lineno}"
        what = f"{type(error).__name__}: {what}".split("\n", 1)[0]
        raise StartupError(f"the module {module_name!r} cannot be imported: {what} ({at})") from None


def preload(load: Callable[[], object]) -> None:
    """Call `load()` in the process that will fork. Raises StartupError, and KeyboardInterrupt if a signal says "end".

    What is loaded is shared by all workers until somebody writes to it. The collector writes to every object that it
    looks at, so all that is there now is frozen: it need not be looked at again.
    """
    ending = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)
    for number in ending:
        signal.signal(number, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ending)
    load()
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    if (threads := threading.active_count() - 1) > 0:
        line(f"the application has started {threads} threads while it was loaded; workers will not have them")
    gc.collect()
    gc.freeze()
