"""Start a program in Python so that it is billed: `python -S bill_start.py app MODULE:APP | program FILE`.

It stands in for what runs an application (`server`), or for `python FILE`, and changes nothing that these can see
except `sys.flags.no_site`: with `-S` the interpreter leaves `site` to us, so that it can be timed. Everything else is
in `bill_stamps`, because Python compiles the script that it is given anew each time, and keeps only what it imports.
"""

import time

first = time.monotonic_ns()

import sys  # noqa: E402 - the first moment is the point


def _main(home: str, kind: str, what: str) -> None:
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]  # our directory: what stands there is not for the program
    import site

    site.main()
    done = time.monotonic_ns()
    sys.path.insert(0, home)
    bill_stamps = __import__("bill_stamps")  # so named that no checker looks for a package of this name
    del sys.path[0], sys.modules["bill_stamps"]
    stamps = bill_stamps.Stamps(first=first, site=done)
    if kind == "app":
        bill_stamps.run_application(stamps, what)
    else:
        bill_stamps.run_program(stamps, what)


if __name__ == "__main__":
    _main(__file__.rpartition("/")[0], *sys.argv[1:])
