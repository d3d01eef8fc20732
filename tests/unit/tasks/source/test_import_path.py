"""Code of python, of packages and of magnus is followed nowhere; code of the project is, wherever it lies and however it is reached."""

import os
import sys
import sysconfig
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from pathlib import Path
from zipfile import ZipFile

import pytest

from magnus.graph.nodes import TaskSpec
from magnus.tasks.python import PythonTask
from magnus.tasks.shell import ShellTask
from magnus.tasks.source import module_files
from magnus.tasks.source.function_objects import pieces_of_function
from magnus.tasks.source.import_path import is_in_magnus, is_own, own_entries

LIBRARY = sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix})
PLACES = {
    # name: (place, whether it is of the project)
    "the standard library": (LIBRARY, False),
    "its extension modules": (f"{LIBRARY}/lib-dynload", False),
    "a package of it": (f"{LIBRARY}/json", False),
    "a module of it": (f"{LIBRARY}/textwrap.py", False),
    "the standard library as a zip file": (f"{sys.base_prefix}/{sys.platlibdir}/python{sys.version_info[0]}{sys.version_info[1]}.zip", False),
    "packages below it": (f"{LIBRARY}/site-packages", False),
    "packages of a distribution": ("/usr/lib/python3/dist-packages", False),
    "an egg": ("/x/site-packages/y.egg", False),
    "a folder of a user in the standard library": (f"{LIBRARY}/our_code", True),
    "a module of a user in the standard library": (f"{LIBRARY}/our_module.py", True),
    "a folder beside python": (f"{sys.prefix}/src/ours", True),
    "a folder beside the python of an environment": (f"{sys.base_prefix}/src/app", True),
    "a folder named like that of packages": ("/x/our-site-packages-audit", True),
    "a folder named like the standard library": (f"{LIBRARY}-ours", True),
}  # fmt: skip


@pytest.mark.parametrize(("place", "expected"), PLACES.values(), ids=PLACES)
def test_a_place_is_of_python_or_of_a_package_or_of_the_project(place, expected):
    assert is_own(place) is expected


@pytest.mark.parametrize(
    ("file", "expected"),
    {f"{LIBRARY}/textwrap.py": False, "/x/site-packages/y.py": False, "/x/our-site-packages/y.py": True}.items(),
)
def test_the_code_of_a_function_that_only_a_program_has_is_of_the_project_or_not(file, expected):
    names = {}
    exec(compile("def f(): return 1\ndef g(): return f()\n", file, "exec"), names)
    assert set(pieces_of_function("g", names["g"])) == ({"f", "g"} if expected else set())


def test_the_standard_library_is_known_through_links(tmp_path):
    (tmp_path / "lib").symlink_to(LIBRARY)
    assert not is_own(str(tmp_path / "lib"))
    assert not is_own(str(tmp_path / "lib/json"))


def test_a_zipped_standard_library_is_not_of_the_project(monkeypatch):
    monkeypatch.setattr(os, "__file__", "/opt/python.zip/os.pyc")
    assert not is_own("/opt/python.zip")


def test_magnus_is_known_under_any_name_of_its_folder(tmp_path):
    package = Path(module_files.__file__).parents[2]
    (tmp_path / "magnus").symlink_to(package)
    (tmp_path / "other/magnus").mkdir(parents=True)
    assert is_in_magnus(str(package))
    assert is_in_magnus(module_files.__file__)
    assert is_in_magnus(str(tmp_path / "magnus"))
    assert not is_in_magnus(str(tmp_path / "other/magnus"))
    assert not is_in_magnus(str(tmp_path))


def test_entries_are_absolute_folders_and_zip_files_that_are_there(tmp_path, monkeypatch):
    (tmp_path / "app").mkdir()
    (tmp_path / "lib").mkdir()
    (tmp_path / "m.zip").write_bytes(b"")
    monkeypatch.chdir(tmp_path / "app")
    monkeypatch.setattr(sys, "path", ["", "../lib/", str(tmp_path / "m.zip"), str(tmp_path / "gone"), LIBRARY])
    assert list(own_entries()) == [str(tmp_path / "lib"), str(tmp_path / "m.zip")]


IMPORTS = "import importlib\ndef a(n): return importlib.import_module(n).V\n"
GLOBS = "import importlib.util as u, glob\ndef a():\n    for p in glob.glob('{}/*.py'):\n        s = u.spec_from_file_location('x', p)\n        m = u.module_from_spec(s); s.loader.exec_module(m)\n    return m.V\n"
PLUGINS = "import pkgutil, importlib, plugins\ndef a(): return [importlib.import_module(f'plugins.{m.name}').V for m in pkgutil.iter_modules(plugins.__path__)]\n"
X = "V = 1\ndef f(): return V\n"

EDITS = {
    # name: (files below `app`, the working directory, and `lib`, on the import path; the file that is edited)
    "a module of another folder": ({"app/work.py": "import x\ndef a(): return x.V\n", "lib/x.py": X}, "lib/x.py"),
    "any module of another folder": ({"app/work.py": IMPORTS, "lib/x.py": X}, "lib/x.py"),
    "a module named like one of the library": ({"app/work.py": "import textwrap\ndef a(): return textwrap.V\n", "app/textwrap.py": X}, "app/textwrap.py"),
    "such a module of another folder": ({"app/work.py": "from json import V\ndef a(): return V\n", "lib/json/__init__.py": "from json.decoder import V\n", "lib/json/decoder.py": X}, "lib/json/decoder.py"),
    "such a module by a computed name": ({"app/work.py": IMPORTS, "app/textwrap.py": X}, "app/textwrap.py"),
    "a package named like magnus": ({"app/work.py": "import magnus\ndef a(): return magnus.f()\n", "app/magnus/__init__.py": X}, "app/magnus/__init__.py"),
    "an import of magnus, beside a folder of data": ({"app/magnus/data.txt": "", "app/work.py": "from magnus import track_this as f\ndef a(): return f\n"}, "app/work.py", "track_this", "store_object"),
    "one of two modules with a name": ({"app/work.py": IMPORTS, "app/x.py": "V = 3\n", "lib/x.py": X}, "lib/x.py"),
    "the other of two modules with a name": ({"app/work.py": IMPORTS, "app/x.py": X, "lib/x.py": "V = 3\n"}, "app/x.py"),
    "an import of the library, beside a folder of data": ({"app/json/data.txt": "", "app/work.py": "from json import loads as f\ndef a(V = 1): return f('V')\n"}, "app/work.py", "loads", "dumps"),
    "a module of the library, beside a folder of data": ({"app/json/data.txt": "", "app/work.py": "import json as f\ndef a(): return f.dumps\n"}, "app/work.py", "json", "pickle"),
    "beside an environment": ({"app/pyvenv.cfg": "", "app/work.py": IMPORTS, "app/x.py": X}, "app/x.py"),
    "a folder with a name that is no name": ({"app/work.py": GLOBS.format("my-plugins"), "app/my-plugins/x.py": X}, "app/my-plugins/x.py"),
    "one by pkgutil under another name": ({"app/plugins/__init__.py": "", "app/plugins/x.py": X, "app/work.py": "from pkgutil import walk_packages as w\nimport plugins\ndef a(): return [m.module_finder.find_spec(m.name) for m in w(plugins.__path__)]\n"}, "app/plugins/x.py"),
    "an import under another name inside": ({"app/x.py": X, "app/work.py": "def a(n):\n    from importlib import import_module as i\n    return i(n).V\n"}, "app/x.py"),
    "an entry point of the environment": ({"app/x.py": X, "app/work.py": "from importlib.metadata import entry_points\ndef a(): return [e.load()() for e in entry_points(group='g')]\n"}, "app/x.py"),
    "an entry point by another name": ({"app/x.py": X, "app/work.py": "import importlib.metadata as m\ndef a(): return [e.load()() for e in m.entry_points(group='g')]\n"}, "app/x.py"),
    "an entry point that is made": ({"app/x.py": X, "app/work.py": "from importlib.metadata import EntryPoint as E\ndef a(n): return E('n', n + ':f', 'g').load()()\n"}, "app/x.py"),
    "a callback in a module of pkgutil": ({"app/work.py": PLUGINS, "app/plugins/__init__.py": "", "app/plugins/x.py": "import calls\nV = calls.f\n", "app/calls.py": X}, "app/calls.py"),
    "pydoc by a computed name": ({"app/x.py": X, "app/work.py": "import pydoc\ndef a(n): return pydoc.locate(n + '.f')()\n"}, "app/x.py"),
    "pydoc under another name": ({"app/x.py": X, "app/work.py": "import pydoc as p\ndef a(n): return p.locate(n)()\n"}, "app/x.py"),
    "resolve_name by a computed name": ({"app/x.py": X, "app/work.py": "import pkgutil\ndef a(n): return pkgutil.resolve_name(n)()\n"}, "app/x.py"),
    "resolve_name for many": ({"app/x.py": X, "app/work.py": "import pkgutil\ndef a(ns): return list(map(pkgutil.resolve_name, ns))\n"}, "app/x.py"),
    "resolve_name under another name": ({"app/x.py": X, "app/work.py": "from pkgutil import resolve_name as r\ndef a(n): return r(n)()\n"}, "app/x.py"),
    "run_path by a computed name": ({"app/x.py": X, "app/work.py": "import runpy\ndef a(n): return runpy.run_path(n + '.py')['V']\n"}, "app/x.py"),
    "exec of a file by a computed name": ({"app/x.py": X, "app/work.py": "def a(n): exec(open(n + '.py').read())\n"}, "app/x.py"),
    "exec of all files of a folder": ({"app/s/x.py": X, "app/work.py": "from pathlib import Path\ndef a():\n    for p in Path('s').iterdir(): exec(compile(p.read_text(), str(p), 'exec'))\n"}, "app/s/x.py"),
    "a class that logging makes": ({"app/x.py": X, "app/work.py": "from logging.config import dictConfig\ndef a(d): dictConfig(d)\n"}, "app/x.py"),
    "tests that unittest finds": ({"app/test_x.py": X, "app/work.py": "import unittest\ndef a(): return unittest.TestLoader().discover('.')\n"}, "app/test_x.py"),
    "sitecustomize": ({"app/work.py": "def a(): return V\n", "lib/sitecustomize.py": "import builtins, more\nbuiltins.V = 1\n", "lib/more.py": ""}, "lib/sitecustomize.py"),
    "a module that sitecustomize imports": ({"app/work.py": "def a(): return V\n", "lib/sitecustomize.py": "import more\n", "lib/more.py": "import builtins\nbuiltins.V = 1\n"}, "lib/more.py"),
    "sitecustomize as a package": ({"app/work.py": "def a(): return V\n", "lib/sitecustomize/__init__.py": "import builtins\nbuiltins.V = 1\n"}, "lib/sitecustomize/__init__.py"),
    "a package of two folders": ({"app/work.py": "from n import x\ndef a(): return x.f()\n", "app/n/y.py": "", "lib/n/x.py": X}, "lib/n/x.py"),
    "a package of two folders by its name": ({"app/work.py": "import n.x\ndef a(): return n.x.f()\n", "app/n/y.py": "", "lib/n/x.py": X}, "lib/n/x.py"),
    "a package of two folders by a computed name": ({"app/work.py": "import importlib\ndef a(m): return importlib.import_module('n.' + m).f()\n", "app/n/y.py": "", "lib/n/x.py": X}, "lib/n/x.py"),
    "a package of two folders from inside": ({"app/work.py": "from n.y import g\ndef a(): return g()\n", "app/n/y.py": "from .x import f\ndef g(): return f()\n", "lib/n/x.py": X}, "lib/n/x.py"),
    "a package that extends its folders": ({"app/work.py": "from n import x\ndef a(): return x.f()\n", "app/n/__init__.py": "from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n", "lib/n/x.py": X}, "lib/n/x.py"),
    "a package around a folder": ({"app/work.py": "from p.n.x import f\ndef a(): return f()\n", "app/p/__init__.py": "import builtins\nbuiltins.V = 1\n", "app/p/n/x.py": "def f(): return V\n"}, "app/p/__init__.py"),
    "usercustomize": ({"app/work.py": "def a(): return V\n", "lib/usercustomize.py": "import builtins\nbuiltins.V = 1\n"}, "lib/usercustomize.py"),
    "a program in a command of one text": ({"app/x.py": X, "app/work.py": "import subprocess\ndef a(): return subprocess.check_output('python x.py --fast', shell=True)\n"}, "app/x.py"),
    "a program behind a computed python": ({"app/x.py": X, "app/work.py": "import subprocess, sys\ndef a(): return subprocess.check_output(f'{sys.executable} x.py', shell=True)\n"}, "app/x.py"),
    "a program below a computed folder": ({"app/t/x.py": X, "app/work.py": "import subprocess, sys\nfrom pathlib import Path\ndef a(): return subprocess.run([sys.executable, Path(__file__).parent / 't' / 'x.py'])\n"}, "app/t/x.py"),
    "a program with a computed name": ({"app/t/x.py": X, "app/work.py": "import subprocess, sys\ndef a(n): return subprocess.run([sys.executable, f't/{n}.py'])\n"}, "app/t/x.py"),
    "a program by a pattern": ({"app/t/x.py": X, "app/work.py": "import subprocess\ndef a(n): return subprocess.run('python t/{}.py'.format(n), shell=True)\n"}, "app/t/x.py"),
    "a script for the shell below a computed folder": ({"app/t/x.sh": "V = 1", "app/work.py": "import subprocess, os\ndef a(h): return subprocess.run(['sh', os.path.join(h, 'x.sh')])\n"}, "app/t/x.sh"),
    "a module that a command runs": ({"app/t/x.py": X, "app/work.py": "import subprocess\ndef a(): return subprocess.run('python -m t.x'.split())\n"}, "app/t/x.py"),
    "a text that a command runs": ({"app/x.py": X, "app/work.py": "import subprocess, sys\ndef a(): return subprocess.run([sys.executable, '-c', 'import x; print(x.f())'])\n"}, "app/x.py"),
    "a package that runpy runs": ({"app/x/__init__.py": "", "app/x/__main__.py": X, "app/work.py": "import runpy\ndef a(): return runpy.run_module('x')\n"}, "app/x/__main__.py"),
    "a folder that runpy runs": ({"app/x/__main__.py": X, "app/work.py": "import runpy\ndef a(): return runpy.run_path('x')\n"}, "app/x/__main__.py"),
    "a module that runpy runs as a script": ({"app/x.py": "if __name__ == '__main__':\n    V = 1\n", "app/work.py": "import runpy\ndef a(): return runpy.run_module('x', run_name='__main__')\n"}, "app/x.py"),
    "a module with another suffix": ({"app/x.conf": X, "app/work.py": "from importlib.machinery import SourceFileLoader\ndef a(): return SourceFileLoader('x', 'x.conf').load_module()\n"}, "app/x.conf"),
    "a library that ctypes loads": ({"app/x.so": X, "app/work.py": "import ctypes\ndef a(): return ctypes.CDLL('./x.so').f()\n"}, "app/x.so"),
    "a relative import of a package by its name": ({"app/p/__init__.py": "", "app/p/x.py": X, "app/work.py": "import importlib\ndef a(): return importlib.import_module('.x', package='p').f()\n"}, "app/p/x.py"),
    "a relative import of a computed package": ({"app/p/__init__.py": "", "app/p/x.py": X, "app/work.py": "import importlib\ndef a(n): return importlib.import_module('.x', n).f()\n"}, "app/p/x.py"),
    "a module of a list of names": ({"app/p/__init__.py": "", "app/p/x.py": X, "app/work.py": "def a(): return __import__('p', fromlist=['x']).x.f()\n"}, "app/p/x.py"),
    "a module of a package by getattr": ({"app/p/__init__.py": "", "app/p/x.py": X, "app/work.py": "import p.x\ndef a(n): return getattr(p, n).f()\n"}, "app/p/x.py"),
    "a module of a folder by getattr": ({"app/p/x.py": X, "app/work.py": "import p.x\ndef a(n): return getattr(p, n).f()\n"}, "app/p/x.py"),
    "the package around a module that is elsewhere": ({"app/p/__init__.py": "import builtins\nbuiltins.V = 1\n", "app/work.py": "try:\n    import p.gone\nexcept ImportError:\n    pass\ndef a(): return V\n"}, "app/p/__init__.py"),
    "tests that pytest finds": ({"app/t/conftest.py": X, "app/work.py": "import pytest\ndef a(): return pytest.main(['t'])\n"}, "app/t/conftest.py"),
    "bytecode without a source": ({"app/work.py": "import x\ndef a(): return x.f()\n", "app/x.pyc": X}, "app/x.pyc"),
    "an extension module": ({"app/work.py": "import x\ndef a(): return x.f()\n", "app/x.so": X}, "app/x.so"),
    "an extension module beside its source": ({"app/work.py": "import x\ndef a(): return x.f()\n", "app/x.py": "def f(): return 1\n", f"app/x{EXTENSION_SUFFIXES[0]}": X}, f"app/x{EXTENSION_SUFFIXES[0]}"),
    "a module that an extension module may import": ({"app/work.py": "import x\ndef a(): return x.f()\n", "app/x.so": "", "app/y.py": X}, "app/y.py"),
    "a package that is an extension module": ({"app/work.py": "from p import x\ndef a(): return x.f()\n", "app/p/__init__.py": "", "app/p/x.so": X}, "app/p/x.so"),
    "an extension module by a computed name": ({"app/work.py": IMPORTS, "app/x.so": X}, "app/x.so"),
}  # fmt: skip


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def inputs(folder, command="work.a"):
    [found] = PythonTask().inputs([TaskSpec("python", command)], folder)
    return found


@pytest.fixture
def app(tmp_path, monkeypatch):
    (tmp_path / "app").mkdir()
    (tmp_path / "lib").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    return tmp_path / "app"


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_of_code_of_the_project_changes_the_code_of_the_step(tmp_path, app, edit):
    files, name, old, new = edit if len(edit) == 4 else (*edit, "V = 1", "V = 2")
    write(tmp_path, files)
    before, text = inputs(app), (tmp_path / name).read_text()
    assert old in text
    write(tmp_path, {name: text.replace(old, new, 1)})
    assert inputs(app).code != before.code
    assert before.problem == ""


def test_computed_names_lead_to_no_code_of_python_or_magnus_or_packages(tmp_path, app):
    write(
        tmp_path, {"app/work.py": PLUGINS, "app/plugins/__init__.py": "", "app/plugins/x.py": "import json, magnus\n"}
    )
    write(
        tmp_path,
        {"app/venv/pyvenv.cfg": "", "app/venv/y.py": X, "app/conda/conda-meta/x.json": "", "app/conda/y.py": X},
    )
    write(tmp_path, {"app/lib/site-packages/y.py": X, "app/__pycache__/y.py": X, "app/.hidden/y.py": X})
    assert any(Path(entry, "magnus").is_dir() for entry in sys.path)
    found = inputs(app)
    own = ["plugins/__init__.py", "plugins/x.py", "work.py"]
    assert sorted(found.statuses) == [str(app / name) for name in own]
    assert found.problem == ""


def test_the_standard_library_on_the_import_path_by_a_link_is_not_followed(tmp_path, app, monkeypatch):
    (tmp_path / "python").symlink_to(LIBRARY)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "python"), *sys.path])
    write(
        app, {"work.py": "import json, textwrap, importlib\ndef a(n): return json.dumps(importlib.import_module(n))\n"}
    )
    assert list(inputs(app).statuses) == [str(app / "work.py")]


def test_a_function_of_the_standard_library_is_not_followed_and_may_use_any_parameter(app):
    found = inputs(app, "shutil.copy")
    assert (found.code, found.statuses, found.parameters, found.problem) == ({}, {}, None, "")


def test_a_function_of_the_standard_library_that_imports_modules_may_import_any(app):
    write(app, {"x.py": X})
    before = inputs(app, "pkgutil.resolve_name")
    write(app, {"x.py": X.replace("1", "2")})
    assert inputs(app, "pkgutil.resolve_name").code != before.code


MOVES = {
    "folders of the package": "__path__ += ['inner']\n",
    "other folders of the package": "__path__ = ['inner']\n",
    "some folders of the package": "__path__[:0] = ['inner']\n",
    "folders of python by a text": "import sys\ngetattr(sys, 'path').append('inner')\n",
}


@pytest.mark.parametrize("text", MOVES.values(), ids=MOVES)
def test_a_package_that_changes_where_modules_are_found_is_never_reused(app, text):
    write(app, {"p/__init__.py": text, "work.py": "from p.x import f\ndef a(): return f()\n"})
    assert "changes where python finds modules" in inputs(app).problem


def test_a_project_in_a_folder_with_the_name_of_that_of_packages_is_followed(tmp_path):
    app = tmp_path / "site-packages/app"
    write(app, {"x.py": X, "work.py": "import x\ndef a(): return x.f()\n"})
    assert sorted(inputs(app).statuses) == [str(app / "work.py"), str(app / "x.py")]


UNUSED = {
    "a docstring that names a program": "def a():\n    'See x.py, or python x.py'\n    return 1\n",
    "a text of a module that starts no program": "def a(n): return f'{n}/y.py'\n",
}


@pytest.mark.parametrize("text", UNUSED.values(), ids=UNUSED)
def test_a_text_that_starts_nothing_is_no_use_of_the_file(app, text):
    write(app, {"t/y.py": X, "x.py": X, "work.py": text})
    assert list(inputs(app).statuses) == [str(app / "work.py")]


def test_folders_that_are_linked_are_followed_and_circles_end(tmp_path, app):
    write(tmp_path, {"app/work.py": PLUGINS, "shared/__init__.py": "", "shared/x.py": X})
    (app / "plugins").symlink_to(tmp_path / "shared")
    (tmp_path / "shared/circle").symlink_to(app)
    before = inputs(app)
    write(tmp_path, {"shared/x.py": X.replace("1", "2")})
    assert inputs(app).code != before.code


@pytest.mark.parametrize("limit", ["_MOST_FILES", "_MOST_ENTRIES"])
def test_a_step_that_may_import_any_of_too_many_modules_is_never_reused(app, monkeypatch, limit):
    write(app, {"work.py": IMPORTS + "def b(): return 1\n", "p/x.py": X, "p/y.py": X})
    monkeypatch.setattr(module_files, limit, 2)
    assert "has too many to read" in inputs(app).problem
    assert inputs(app, "work.b").problem == ""


@pytest.mark.parametrize(
    "text", ["import x\ndef a(): return x.V\n", IMPORTS], ids=["by its name", "by a computed name"]
)
def test_an_edit_in_a_zip_file_of_the_import_path_changes_the_code(tmp_path, app, monkeypatch, text):
    archive = tmp_path / "x.zip"
    with ZipFile(archive, "w") as file:
        file.writestr("x.py", X)
    monkeypatch.syspath_prepend(str(archive))
    write(app, {"work.py": text})
    before = inputs(app)
    with ZipFile(archive, "w") as file:
        file.writestr("x.py", X.replace("1", "2"))
    assert inputs(app).code != before.code
    assert (before.parameters, before.any_file) == (None, True)


ORDERS = {
    # name: (the task, the module of two that it gets)
    "a function of the import path": ("tool.a", "app/x.py"),
    "a function of a script": ("sub/tool.py:a", "app/x.py"),
}


@pytest.mark.parametrize(("command", "name"), ORDERS.values(), ids=ORDERS)
def test_of_modules_with_one_name_the_first_on_the_import_path_counts(tmp_path, app, command, name):
    tool = "import x\ndef a(): return x.f()\n"
    write(tmp_path, {"lib/tool.py": tool, "app/sub/tool.py": tool})
    write(tmp_path, dict.fromkeys(("app/x.py", "lib/x.py", "app/sub/x.py"), X))
    statuses = inputs(app, command).statuses
    assert [str(Path(file).relative_to(tmp_path)) for file in statuses if file.endswith("x.py")] == [name]


COMMANDS = {
    # name: (the command, files, the one that is edited)
    "a module in another folder": ("cd t && python -m x", {"t/x.py": "from y import V\nprint(V)\n", "t/y.py": X}, "t/y.py"),
    "a text in another folder": ("cd t && python -c 'import y; print(y.V)'", {"t/y.py": X}, "t/y.py"),
    "sources before the working directory": ("PYTHONPATH=src python t/x.py", {"t/x.py": "from y import V\nprint(V)\n", "src/y.py": X, "y.py": "V = 3\n"}, "src/y.py"),
    "sitecustomize of the command": ("PYTHONPATH=. python t/x.py", {"t/x.py": "print(V)\n", "sitecustomize.py": "import builtins\nbuiltins.V = 1\n"}, "sitecustomize.py"),
}  # fmt: skip


@pytest.mark.parametrize(("command", "files", "name"), COMMANDS.values(), ids=COMMANDS)
def test_an_edit_of_code_that_a_command_runs_changes_the_code_of_the_step(app, command, files, name):
    codes = []
    for version in (files[name], files[name].replace("V = 1", "V = 2")):
        write(app, {**files, name: version})
        [found] = ShellTask().inputs([TaskSpec("shell", command)], app)
        codes.append(found.code)
    assert codes[0] != codes[1]


@pytest.mark.parametrize("module", ["pytest", "unittest"])
def test_a_command_that_finds_tests_may_run_any_module(app, module):
    codes = []
    for text in (X, X.replace("1", "2")):
        write(app, {"t/conftest.py": text})
        [found] = ShellTask().inputs([TaskSpec("shell", f"python -m {module} t")], app)
        codes.append(found.code)
    assert codes[0] != codes[1]


def test_a_script_gets_modules_beside_it_and_then_those_of_the_import_path(tmp_path, app):
    write(tmp_path, {"app/sub/tool.py": "import x, y\nprint(x.f(), y.f())\n"})
    write(tmp_path, dict.fromkeys(("app/x.py", "lib/x.py", "app/sub/x.py", "app/y.py", "lib/y.py"), X))
    [found] = ShellTask().inputs([TaskSpec("shell", "python sub/tool.py")], app)
    files = sorted(str(Path(file).relative_to(tmp_path)) for file in found.statuses)
    assert files == ["app/sub/tool.py", "app/sub/x.py", "lib/y.py"]


ZIPPED = {
    # name: (the step, the modules in the zip file, the folder in it that is on the import path)
    "before a folder": ("import x\ndef a(): return x.V\n", "x.py", ""),
    "a folder in it": ("import x\ndef a(): return x.V\n", "inner/x.py", "inner"),
    "a part of a computed name": (PLUGINS, "plugins/x.py", ""),
}


@pytest.mark.parametrize(("text", "name", "folder"), ZIPPED.values(), ids=ZIPPED)
def test_a_zip_file_has_its_place_on_the_import_path(tmp_path, app, monkeypatch, text, name, folder):
    archive = tmp_path / "x.zip"
    monkeypatch.syspath_prepend(str(archive / folder))
    write(tmp_path, {"app/work.py": text, "lib/x.py": X})
    codes = []
    for version in ("V = 1\n", "V = 2\n"):
        with ZipFile(archive, "w") as file:
            file.writestr(name, version)
        codes.append(inputs(app).code)
    assert codes[0] != codes[1]


class EditableFinder:
    """As setuptools makes one, in a module with a name for each project."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return PathFinder.find_spec(name, [str(Path(MAPPING[name]).parent)]) if name in MAPPING else None


MAPPING = {}

LINKED = {
    # name: (the step, the sources of the package, the one that is edited)
    "a module of the package": ("from ours.x import f\ndef a(): return f()\n", {"ours/__init__.py": "", "ours/x.py": X}, "ours/x.py"),
    "by way of the package": ("import ours\ndef a(): return ours.f()\n", {"ours/__init__.py": "from ours.x import f\n", "ours/x.py": X}, "ours/x.py"),
    "what the package does": ("import ours.x\ndef a(): return ours.x.f()\n", {"ours/__init__.py": "import sys\nsys.V = 1\n", "ours/x.py": X}, "ours/__init__.py"),
    "a module that is no package": ("import ours\ndef a(): return ours.f()\n", {"ours.py": X}, "ours.py"),
    "by a computed name": (IMPORTS, {"ours/__init__.py": "", "ours/x.py": X}, "ours/x.py"),
    "a module by a computed name": (IMPORTS, {"ours.py": X}, "ours.py"),
    "a package without a file": ("import ours.x\ndef a(): return ours.x.f()\n", {"ours/x.py": X}, "ours/x.py"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "files", "name"), LINKED.values(), ids=LINKED)
def test_an_edit_of_a_package_that_is_linked_to_its_sources_changes_the_code(
    tmp_path, app, monkeypatch, text, files, name
):
    place = "ours.py" if "ours.py" in files else "ours"
    monkeypatch.setitem(MAPPING, "ours", str(tmp_path / "repository" / place))
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, EditableFinder])
    write(app, {"work.py": text})
    write(tmp_path / "repository", files)
    before, source = inputs(app), (tmp_path / "repository" / name).read_text()
    write(tmp_path / "repository", {name: source.replace("V = 1", "V = 2")})
    assert inputs(app).code != before.code
    assert all(not piece.startswith("/") for piece in before.code)


SPREAD = {
    # name: (the step, the places of packages that are linked, the source that is edited)
    "of one project": ("from n.p.x import f\ndef a(): return f()\n", {"n.p": "one/n/p"}, "one/n/p/x.py"),
    "of one project by its name": ("import n.p.x\ndef a(): return n.p.x.f()\n", {"n.p": "one/n/p"}, "one/n/p/x.py"),
    "of two projects": ("import n.p.x\ndef a(): return n.p.x.f()\n", {"n.o": "two/n/o", "n.p": "one/n/p"}, "one/n/p/x.py"),
    "in a folder of another name": ("from n.p.x import f\ndef a(): return f()\n", {"n.p": "one/p"}, "one/p/x.py"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "places", "name"), SPREAD.values(), ids=SPREAD)
def test_an_edit_of_a_linked_package_in_one_without_a_file_changes_the_code(
    tmp_path, app, monkeypatch, text, places, name
):
    for package, place in places.items():
        monkeypatch.setitem(MAPPING, package, str(tmp_path / place))
        write(tmp_path / place, {"__init__.py": "", "x.py": X})
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, EditableFinder])
    write(app, {"work.py": text})
    before = inputs(app)
    write(tmp_path, {name: X.replace("V = 1", "V = 2")})
    assert inputs(app).code != before.code


INSTALLED = {
    # name: (the package of the step, the file that is edited, whether the code of the step changed)
    "a module that it imports": ({"steps.py": "from pack.x import f\ndef a(): return f()\n"}, "pack/x.py", True),
    "a module that it imports beside itself": ({"steps.py": "from .x import f\ndef a(): return f()\n"}, "pack/x.py", True),
    "a module that the package imports": ({"__init__.py": "import pack.x\n", "steps.py": "def a(): return 1\n"}, "pack/x.py", False),
    "a module by a computed name": ({"steps.py": IMPORTS}, "pack/x.py", True),
    "another package": ({"steps.py": "import other\ndef a(): return other.V\n"}, "other/__init__.py", False),
    "another package by a computed name": ({"steps.py": IMPORTS}, "other/__init__.py", False),
}  # fmt: skip


@pytest.mark.parametrize(("files", "name", "changed"), INSTALLED.values(), ids=INSTALLED)
def test_the_package_of_the_step_is_followed_where_it_is_installed(tmp_path, app, monkeypatch, files, name, changed):
    folder = tmp_path / "site-packages"
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder)])
    write(folder, {"pack/__init__.py": "", "pack/x.py": X, "other/__init__.py": X})
    write(folder / "pack", files)
    before = inputs(app, "pack.steps.a")
    write(folder, {name: X.replace("1", "2")})
    assert (inputs(app, "pack.steps.a").code != before.code) is changed
    assert "pack/steps.py:a" in before.code
