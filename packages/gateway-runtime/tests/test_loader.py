"""From MODULE:APP to the application, and one sentence for everything that can be wrong with it."""

from __future__ import annotations

import sys
from itertools import count

import pytest

from gateway_runtime.errors import StartupError
from gateway_runtime.loader import load

_numbers = count()


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module with a name that no other test has, in the working directory; give its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = []

    def write(source, suffix=""):
        name = f"loaded_{next(_numbers)}{suffix}"
        (tmp_path / f"{name}.py").write_text(source)
        made.append(name)
        return name

    yield write
    for name in made:
        sys.modules.pop(name, None)


APP = "def application(environ, start_response): pass\ndef app(environ, start_response): pass\n"


@pytest.mark.parametrize(("suffix", "found"), [("", "application"), (":", "application"), (":app", "app")])
def test_a_function(module, suffix, found):
    assert load(module(APP) + suffix).__name__ == found


def test_dots_after_the_colon(module):
    name = module("class holder:\n    class inner:\n        def app(environ, start_response): pass\n")
    assert load(f"{name}:holder.inner.app").__name__ == "app"


def test_a_module_in_a_package(module, tmp_path):
    package = f"loaded_{next(_numbers)}"
    (tmp_path / package).mkdir()
    (tmp_path / package / "wsgi.py").write_text(APP)
    assert load(f"{package}.wsgi").__name__ == "application"


def test_an_instance_that_can_be_called(module):
    assert load(module("class App:\n    def __call__(self, e, s): pass\napp = App()\n") + ":app")


def test_the_working_directory_comes_first(module, tmp_path, monkeypatch):
    name = module(APP)
    other = tmp_path / "other"
    other.mkdir()
    (other / f"{name}.py").write_text("raise ValueError('the other one')")
    monkeypatch.syspath_prepend(str(other))
    assert load(name)


@pytest.mark.parametrize(
    ("source", "name", "sentence"),
    [
        (APP, ":nope", "the module 'NAME' has no 'nope'"),
        (APP, ":app.nope", "the module 'NAME' has no 'app.nope'"),
        (APP, ":.", "the module 'NAME' has no '.'"),
        ("", "", "the module 'NAME' has no 'application'"),
        ("app = 5", ":app", "'NAME:app' is of type int, which cannot be called"),
        ("app = None", ":app", "'NAME:app' is of type NoneType, which cannot be called"),
        ("app = [len]", ":app", "'NAME:app' is of type list, which cannot be called"),
        ("import no_such_thing", "", "the module 'NAME' needs 'no_such_thing', which is not installed"),
        ("import no_such.thing", "", "the module 'NAME' needs 'no_such', which is not installed"),
        ("import loaded_", "", "the module 'NAME' needs 'loaded_', which is not installed"),
        ("def app(:\n", "", "the module 'NAME' cannot be imported: SyntaxError: invalid syntax (PATH, line 1)"),
        ("\n\nif True:\nx\n", "", "the module 'NAME' cannot be imported: IndentationError: "),
        ("x = '\0'", "", "the module 'NAME' cannot be imported: SyntaxError: "),
        ("\n1 / 0\n", "", "the module 'NAME' cannot be imported: ZeroDivisionError: division by zero (PATH, line 2)"),
        ("raise ValueError('a\\nb')", "", "the module 'NAME' cannot be imported: ValueError: a (PATH, line 1)"),
        ("raise ValueError", "", "the module 'NAME' cannot be imported: ValueError: "),
        ("raise SystemExit(3)", "", "the module 'NAME' cannot be imported: SystemExit: 3 (PATH, line 1)"),
        ("from os import nope", "", "the module 'NAME' cannot be imported: ImportError: cannot import name 'nope'"),
    ],
)
def test_what_can_be_wrong(module, tmp_path, source, name, sentence):
    spec = module(source)
    with pytest.raises(StartupError) as caught:
        load(spec + name)
    path = str(tmp_path / f"{spec}.py")
    said = str(caught.value).replace(path, "PATH").replace(spec, "NAME")
    assert said.startswith(sentence)
    assert "\n" not in said


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("", "'' does not name an application: write MODULE:NAME"),
        (":app", "':app' does not name an application: write MODULE:NAME"),
        ("no_such_module:app", "there is no module 'no_such_module' in"),
        ("no_such.module:app", "there is no module 'no_such' in"),
        ("os.nope:app", "there is no module 'os.nope' in"),
        ("no-such-module:app", "there is no module 'no-such-module' in"),
        ("no_such_module.py", "there is no module 'no_such_module' in"),
        (".relative:app", "the module '.relative' cannot be imported: TypeError"),
    ],
)
def test_what_cannot_be_found(module, spec, sentence):
    with pytest.raises(StartupError) as caught:
        load(spec)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_a_file_name_instead_of_a_module(module):
    name = module(APP)
    with pytest.raises(StartupError, match=f"there is no module '{name}.py'"):
        load(f"{name}.py:app")
