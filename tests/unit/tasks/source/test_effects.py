"""Edits that change the result of a function in ways that are hard to see: each is another code of the function."""

import subprocess
import sys

import pytest

from magnus.graph.nodes import TaskSpec
from magnus.tasks.python import PythonTask

EDITS = {
    'alias attr': ({'work.py': 'class M: x = 1\nN = M\nN.x = 2\ndef a(): return M.x\n'}, 'work.py', 'x = 2', 'x = 3'),
    'alias dict': ({'work.py': "D = {}\ne = D\ne['x'] = 2\ndef a(): return D\n"}, 'work.py', '= 2', '= 3'),
    'alias aug': ({'work.py': 'D = []\ne = D\ne += [2]\ndef a(): return D\n'}, 'work.py', '[2]', '[3]'),
    'nested alias': ({'work.py': "D = {'m': {}}\nm = D['m']\nm['x'] = 2\ndef a(): return D\n"}, 'work.py', '= 2', '= 3'),
    'list holding class': ({'work.py': 'class M: x = 1\nL = [M]\nL[0].x = 2\ndef a(): return M.x\n'}, 'work.py', 'x = 2', 'x = 3'),
    'for alias': ({'work.py': 'class M: x = 1\nfor k in (M,):\n    k.x = 2\ndef a(): return M.x\n'}, 'work.py', 'x = 2', 'x = 3'),
    'with alias': ({'work.py': 'import contextlib\nclass M: x = 1\nwith contextlib.nullcontext(M) as k:\n    k.x = 2\ndef a(): return M.x\n'}, 'work.py', 'x = 2', 'x = 3'),
    'call registers': ({'work.py': "R = {}\ndef add(n, v):\n    R[n] = v\n    return v\none = add('one', 1)\ndef a(): return R\n"}, 'work.py', "'one', 1", "'one', 2"),
    'class call registers': ({'work.py': "R = {}\nclass P:\n    def __init__(s, n, v): R[n] = v\none = P('one', 1)\ndef a(): return R\n"}, 'work.py', "'one', 1", "'one', 2"),
    'class call registers elsewhere': ({'reg.py': 'R = {}\nclass P:\n    def __init__(s, n, v): R[n] = v\n', 'plug.py': "from reg import P\none = P('one', 1)\n", 'work.py': 'import plug, reg\ndef a(): return reg.R\n'}, 'plug.py', "'one', 1", "'one', 2"),
    'classmethod instances': ({'work.py': 'class P:\n    all = []\n    def __init__(s, v): P.all.append(v)\none = P(1)\ndef a(): return P.all\n'}, 'work.py', 'P(1)', 'P(2)'),
    'self class instances': ({'work.py': 'class P:\n    all = []\n    def __init__(s, v): s.all.append(v)\none = P(1)\ndef a(): return P.all\n'}, 'work.py', 'P(1)', 'P(2)'),
    'type(self) instances': ({'work.py': 'class P:\n    all = []\n    def __init__(s, v): type(s).all.append(v)\none = P(1)\ndef a(): return P.all\n'}, 'work.py', 'P(1)', 'P(2)'),
    'arg mutated': ({'work.py': "R = {}\ndef add(r, v):\n    r['x'] = v\n    return v\none = add(R, 1)\ndef a(): return R\n"}, 'work.py', 'R, 1', 'R, 2'),
    'setdefault': ({'work.py': "R = {}\none = R.setdefault('x', 1)\ndef a(): return R\n"}, 'work.py', "'x', 1", "'x', 2"),
    'pop': ({'work.py': 'R = [1,2,3]\none = R.pop(0)\ndef a(): return R\n'}, 'work.py', 'pop(0)', 'pop(1)'),
    'comprehension effect': ({'work.py': 'R = []\nnone = [R.append(i) for i in range(2)]\ndef a(): return R\n'}, 'work.py', 'range(2)', 'range(3)'),
    'seed public': ({'work.py': 'import random\ns = random.seed(1)\ndef a(): return random.random()\n'}, 'work.py', 'seed(1)', 'seed(2)'),
    'sys.modules text': ({'helpers.py': 'def f(): return 1\n', 'work.py': "import sys, other\ndef a(): return sys.modules['helpers'].f()\n", 'other.py': 'import helpers\n'}, 'helpers.py', 'return 1', 'return 2'),
    'pydoc.locate': ({'helpers.py': 'def f(): return 1\n', 'work.py': "import pydoc\ndef a(): return pydoc.locate('helpers.f')()\n"}, 'helpers.py', 'return 1', 'return 2'),
    'resolve_name': ({'helpers.py': 'def f(): return 1\n', 'work.py': "import pkgutil\ndef a(): return pkgutil.resolve_name('helpers:f')()\n"}, 'helpers.py', 'return 1', 'return 2'),
    'mock patch': ({'helpers.py': 'def f(): return 1\ndef g(): return f()\ndef h(): return 5\n', 'work.py': "from unittest import mock\nimport helpers\ndef a():\n    with mock.patch('helpers.f', helpers.h): return helpers.g()\n"}, 'helpers.py', 'return 5', 'return 6'),
    'doc elsewhere': ({'helpers.py': 'def doc(f): return f.__doc__\n', 'work.py': "import helpers\ndef a():\n    'one'\n    return helpers.doc(a)\n"}, 'work.py', 'one', 'two'),
    'getdoc': ({'work.py': "import inspect\ndef a():\n    'one'\n    return inspect.getdoc(a)\n"}, 'work.py', 'one', 'two'),
    'order of default': ({'work.py': 'X = 1\ndef a(y=X): return y\nX = 2\n'}, 'work.py', 'def a(y=X): return y\nX = 2\n', 'X = 2\ndef a(y=X): return y\n'),
    'order of table': ({'work.py': "X = {}\nY = dict(X)\nX['a'] = 1\ndef a(): return Y\n"}, 'work.py', "Y = dict(X)\nX['a'] = 1\n", "X['a'] = 1\nY = dict(X)\n"),
    'order of def and rest': ({'work.py': 'R = [1]\nY = list(R)\nR.append(2)\ndef a(): return Y\n'}, 'work.py', 'Y = list(R)\nR.append(2)\n', 'R.append(2)\nY = list(R)\n'),
    'order overrides': ({'x.py': 'def f(): return 1\n', 'y.py': 'def f(): return 2\n', 'work.py': 'from x import *\nfrom y import *\ndef a(): return f()\n'}, 'work.py', 'from x import *\nfrom y import *\n', 'from y import *\nfrom x import *\n'),
    'order of imports with effects': ({'reg.py': 'R = []\n', 'x.py': "import reg\nreg.R.append('x')\n", 'y.py': "import reg\nreg.R.append('y')\n", 'work.py': 'import reg\nimport x\nimport y\ndef a(): return reg.R\n'}, 'work.py', 'import x\nimport y\n', 'import y\nimport x\n'),
    'order of registered': ({'work.py': 'R = []\ndef reg(f):\n    R.append(f.__name__)\n    return f\n@reg\ndef s(): pass\n@reg\ndef t(): pass\ndef a(): return R\n'}, 'work.py', '@reg\ndef s(): pass\n@reg\ndef t(): pass\n', '@reg\ndef t(): pass\n@reg\ndef s(): pass\n'),
    'order of from imports': ({'x.py': 'def f(): return 1\n', 'y.py': 'def f(): return 2\n', 'work.py': 'from x import f\nfrom y import f\ndef a(): return f()\n'}, 'work.py', 'from x import f\nfrom y import f\n', 'from y import f\nfrom x import f\n'),
    'def vs import order': ({'x.py': 'def f(): return 1\n', 'work.py': 'from x import f\ndef f(): return 2\ndef a(): return f()\n'}, 'work.py', 'from x import f\ndef f(): return 2\n', 'def f(): return 2\nfrom x import f\n'),
    'star vs def order': ({'x.py': 'def f(): return 1\n', 'work.py': 'from x import *\ndef f(): return 2\ndef a(): return f()\n'}, 'work.py', 'from x import *\ndef f(): return 2\n', 'def f(): return 2\nfrom x import *\n'),
    'star over def edit': ({'x.py': 'def f(): return 1\n', 'work.py': 'def f(): return 2\nfrom x import *\ndef a(): return f()\n'}, 'x.py', 'return 1', 'return 3'),
    'star new name': ({'x.py': 'def g(): return 1\n', 'work.py': 'def f(): return 2\nfrom x import *\ndef a(): return f()\n'}, 'x.py', 'def g', 'def f'),
    'star over import': ({'x.py': 'def g(): return 1\n', 'y.py': 'def f(): return 7\n', 'work.py': 'from y import f\nfrom x import *\ndef a(): return f()\n'}, 'x.py', 'def g', 'def f'),
    'star all': ({'x.py': '__all__ = []\ndef f(): return 1\n', 'y.py': 'def f(): return 7\n', 'work.py': 'from y import *\nfrom x import *\ndef a(): return f()\n'}, 'x.py', '__all__ = []', "__all__ = ['f']"),
    'module getattr': ({'m.py': 'X = 1\ndef __getattr__(n): return X\n', 'work.py': 'from m import q\ndef a(): return q\n'}, 'm.py', 'X = 1', 'X = 2'),
    'reexport': ({'p/__init__.py': 'from .x import f\n', 'p/x.py': 'def f(): return 1\n', 'p/y.py': 'def f(): return 2\n', 'work.py': 'from p import f\ndef a(): return f()\n'}, 'p/__init__.py', '.x', '.y'),
    'relative src': ({'src/p/__init__.py': '', 'src/p/x.py': 'from .y import f\n', 'src/p/y.py': 'def f(): return 1\n', 'work.py': "import sys\nsys.path.insert(0,'src')\nfrom p.x import f\ndef a(): return f()\n"}, 'src/p/y.py', 'return 1', 'return 2'),
    'partial': ({'work.py': 'from functools import partial\ndef f(x): return x\ng = partial(f, 1)\ndef a(): return g()\n'}, 'work.py', 'f, 1', 'f, 2'),
    'dataclass field': ({'work.py': 'from dataclasses import dataclass, field\nD = [1]\n@dataclass\nclass C:\n    x: list = field(default_factory=lambda: list(D))\ndef a(): return C().x\n'}, 'work.py', 'D = [1]', 'D = [2]'),
    'monkeypatch': ({'h.py': 'def f(): return 1\n', 'patch.py': 'import h\nh.f = lambda: 2\n', 'work.py': 'import patch\nfrom h import f\ndef a(): return f()\n'}, 'patch.py', ': 2', ': 3'),
    'monkeypatch from': ({'h.py': 'class C:\n    x = 1\n', 'patch.py': 'from h import C\nC.x = 2\n', 'work.py': 'import patch\nfrom h import C\ndef a(): return C.x\n'}, 'patch.py', 'x = 2', 'x = 3'),
    'monkeypatch alias': ({'h.py': 'class C:\n    x = 1\n', 'patch.py': 'import h\nK = h.C\nK.x = 2\n', 'work.py': 'import patch\nfrom h import C\ndef a(): return C.x\n'}, 'patch.py', 'x = 2', 'x = 3'),
    'monkeypatch def': ({'h.py': 'def f(): return 1\n', 'patch.py': 'import h\ndef new(): return 2\nh.f = new\n', 'work.py': 'import patch\nimport h\ndef a(): return h.f()\n'}, 'patch.py', 'return 2', 'return 3'),
    'monkeypatch star': ({'h.py': 'class C: x = 1\n', 'patch.py': 'from h import *\nC.x = 2\n', 'work.py': 'import patch\nfrom h import C\ndef a(): return C.x\n'}, 'patch.py', 'x = 2', 'x = 3'),
    'monkeypatch if': ({'h.py': 'class C: x = 1\n', 'patch.py': 'import h\nif True:\n    h.C.x = 2\n', 'work.py': 'import patch\nfrom h import C\ndef a(): return C.x\n'}, 'patch.py', 'x = 2', 'x = 3'),
    'monkeypatch try import': ({'h.py': 'class C: x = 1\n', 'patch.py': 'try:\n    from h import C\nexcept ImportError: pass\nelse:\n    C.x = 2\n', 'work.py': 'import patch\nfrom h import C\ndef a(): return C.x\n'}, 'patch.py', 'x = 2', 'x = 3'),
    'monkeypatch call in def': ({'h.py': 'class C: x = 1\n', 'patch.py': 'import h\ndef go(): h.C.x = 2\ndone = go()\n', 'work.py': 'import patch\nfrom h import C\ndef a(): return C.x\n'}, 'patch.py', 'x = 2', 'x = 3'),
    'class body effect': ({'work.py': 'R = []\nclass P:\n    R.append(1)\ndef a(): return R\n'}, 'work.py', 'append(1)', 'append(2)'),
    'class body effect other': ({'h.py': 'R = []\n', 'p.py': 'import h\nclass P:\n    h.R.append(1)\n', 'work.py': 'import p, h\ndef a(): return h.R\n'}, 'p.py', 'append(1)', 'append(2)'),
    'default arg effect': ({'work.py': 'R = []\ndef f(x=R.append(1)): pass\ndef a(): return R\n'}, 'work.py', 'append(1)', 'append(2)'),
    'decorator arg effect': ({'work.py': "R = {}\ndef reg(n, v=R.setdefault('q', 1)): return lambda f: f\n@reg('x')\ndef f(): pass\ndef a(): return R\n"}, 'work.py', "'q', 1", "'q', 2"),
    'walrus': ({'work.py': 'R = []\nif (n := R.append(1)): pass\ndef a(): return R\n'}, 'work.py', 'append(1)', 'append(2)'),
    'enum': ({'work.py': 'import enum\nclass E(enum.Enum):\n    A = 1\ndef a(): return E.A.value\n'}, 'work.py', 'A = 1', 'A = 2'),
    'fstring': ({'work.py': "X = 1\ndef a(): return f'{X:>{X}}'\n"}, 'work.py', 'X = 1', 'X = 2'),
    'lambda default': ({'work.py': 'X = 1\nf = lambda y=X: y\ndef a(): return f()\n'}, 'work.py', 'X = 1', 'X = 2'),
    'dict of f': ({'work.py': "def f(): return 1\nT = {'f': f}\ndef a(): return T['f']()\n"}, 'work.py', 'return 1', 'return 2'),
    'closure decorator 2 away': ({'d2.py': 'K = 1\ndef deco(k=K):\n    def outer(f):\n        def w(): return f() + k\n        return w\n    return outer\n', 'd1.py': 'from d2 import deco\nplus = deco()\n', 'work.py': 'from d1 import plus\n@plus\ndef a(): return 1\n'}, 'd2.py', 'K = 1', 'K = 2'),
    'global by another': ({'work.py': 'X = 1\ndef b():\n    global X\n    X = 2\nb()\ndef a(): return X\n'}, 'work.py', 'X = 2', 'X = 3'),
    'global by another assigned': ({'work.py': 'X = 1\ndef b():\n    global X\n    X = 2\ndone = b()\ndef a(): return X\n'}, 'work.py', 'X = 2', 'X = 3'),
    'globals update': ({'work.py': 'globals().update(X=1)\ndef a(): return X\n'}, 'work.py', 'X=1', 'X=2'),
    'globals sub': ({'work.py': "globals()['X'] = 1\ndef a(): return X\n"}, 'work.py', '] = 1', '] = 2'),
    'vars module loop': ({'work.py': "for i in range(2): vars()[f'X{i}'] = i + 1\ndef a(): return X1\n"}, 'work.py', 'i + 1', 'i + 2'),
    'exec': ({'work.py': "exec('X = 1')\ndef a(): return X\n"}, 'work.py', 'X = 1', 'X = 2'),
    'namedtuple cls': ({'work.py': "from collections import namedtuple\nP = namedtuple('P', 'x', defaults=[1])\ndef a(): return P().x\n"}, 'work.py', '[1]', '[2]'),
    'func attr': ({'work.py': 'def f(): return f.k\nf.k = 1\ndef a(): return f()\n'}, 'work.py', 'k = 1', 'k = 2'),
    '__class_getitem__': ({'work.py': 'class C:\n    def __class_getitem__(c, i): return i + 1\ndef a(): return C[1]\n'}, 'work.py', 'i + 1', 'i + 2'),
    'f_globals': ({'work.py': "import sys\nX = 1\ndef a(): return sys._getframe(0).f_globals['X']\n"}, 'work.py', 'X = 1', 'X = 2'),
    '__globals__': ({'work.py': "X = 1\ndef f(): pass\ndef a(): return f.__globals__['X']\n"}, 'work.py', 'X = 1', 'X = 2'),
    'match': ({'work.py': "X = 1\nclass K:\n    V = 1\ndef a():\n    match 1:\n        case K.V: return 'y'\n        case _: return 'n'\n"}, 'work.py', 'V = 1', 'V = 2'),
    'del': ({'h.py': 'x = 1\n', 'work.py': "from builtins import len as f\nimport h\ntry:\n    del h.x\nexcept AttributeError: pass\ndef a(): return hasattr(h, 'x')\n"}, 'work.py', 'del h.x', 'pass'),
    'del own': ({'work.py': "D = {'a': 1, 'b': 2}\ndel D['a']\ndef a(): return D\n"}, 'work.py', "del D['a']", "del D['b']"),
    'del name fallback': ({'work.py': 'def len(x): return 5\ndel len\ndef a(): return len([])\n'}, 'work.py', 'del len', 'pass'),
    'new builtin shadow': ({'work.py': 'def a(): return len([])\n'}, 'work.py', 'def a', 'def len(x): return 5\ndef a'),
    'cond import flag': ({'f.py': 'FAST = True\n', 'x.py': 'def f(): return 1\n', 'y.py': 'def f(): return 2\n', 'work.py': 'from f import FAST\nif FAST:\n    from x import f\nelse:\n    from y import f\ndef a(): return f()\n'}, 'f.py', 'True', 'False'),
    'import in class': ({'x.py': 'def f(): return 1\n', 'work.py': 'class C:\n    from x import f\ndef a(): return C.f()\n'}, 'x.py', 'return 1', 'return 2'),
    'lazy loader in method': ({'x.py': 'def f(): return 1\n', 'work.py': "import importlib\nM = {'m': 'x'}\nclass L:\n    def __getattr__(s, n): return getattr(importlib.import_module(M['m']), n)\nl = L()\ndef a(): return l.f()\n"}, 'x.py', 'return 1', 'return 2'),
    'entry table of texts': ({'x.py': 'def f(): return 1\n', 'load.py': "from importlib import import_module as im\ndef load(t):\n    m, n = t.split(':')\n    return getattr(im(m), n)\n", 'work.py': "from load import load\ndef a(): return load('x:f')()\n"}, 'x.py', 'return 1', 'return 2'),
    '__import__ alias': ({'x.py': 'def f(): return 1\n', 'work.py': "imp = __import__\ndef a(): return imp('x').f()\n"}, 'x.py', 'return 1', 'return 2'),
    'import_module partial': ({'x.py': 'def f(): return 1\n', 'work.py': "import importlib, functools\ndef a(): return list(map(importlib.import_module, ['x']))[0].f()\n"}, 'x.py', 'return 1', 'return 2'),
    'spec_from_file': ({'pl/x.py': 'def f(): return 1\n', 'work.py': "import importlib.util as u\ndef a():\n    s = u.spec_from_file_location('x', 'pl/x.py')\n    m = u.module_from_spec(s); s.loader.exec_module(m)\n    return m.f()\n"}, 'pl/x.py', 'return 1', 'return 2'),
    'glob plugins': ({'pl/x.py': 'def f(): return 1\n', 'work.py': "import importlib.util as u, glob\ndef a():\n    for p in glob.glob('pl/*.py'):\n        s = u.spec_from_file_location('x', p)\n        m = u.module_from_spec(s); s.loader.exec_module(m)\n    return m.f()\n"}, 'pl/x.py', 'return 1', 'return 2'),
    'pkgutil iter': ({'pl/__init__.py': '', 'pl/x.py': 'def f(): return 1\n', 'work.py': "import importlib, pkgutil, pl\ndef a():\n    return [importlib.import_module('pl.' + m.name).f() for m in pkgutil.iter_modules(pl.__path__)]\n"}, 'pl/x.py', 'return 1', 'return 2'),
    'finder load_module': ({'pl/__init__.py': '', 'pl/x.py': 'def f(): return 1\n', 'work.py': 'import pkgutil, pl\ndef a():\n    return [m.module_finder.find_spec(m.name).loader.load_module(m.name).f() for m in pkgutil.iter_modules(pl.__path__)]\n'}, 'pl/x.py', 'return 1', 'return 2'),
    'runpy module': ({'x.py': 'y = 1\n', 'work.py': "import runpy\ndef a(): return runpy.run_module('x')['y']\n"}, 'x.py', 'y = 1', 'y = 2'),
    'abc register': ({'work.py': 'import abc\nclass B(abc.ABC): pass\nclass C: pass\nclass D: pass\nr = B.register(C)\ndef a(): return isinstance(D(), B)\n'}, 'work.py', 'register(C)', 'register(D)'),
    'singledispatch call': ({'work.py': 'from functools import singledispatch\n@singledispatch\ndef f(x): return 0\nf2 = f.register(int, lambda x: 1)\ndef a(): return f(1)\n'}, 'work.py', 'x: 1', 'x: 2'),
    'type alias': ({'work.py': 'import typing\nclass K: v = 1\nT: typing.TypeAlias = K\ndef a(): return T.v\n'}, 'work.py', 'v = 1', 'v = 2'),
    'ann only dataclass other': ({'work.py': 'from dataclasses import dataclass, fields\n@dataclass\nclass C:\n    x: int\ndef a(): return [f.name for f in fields(C)]\n'}, 'work.py', 'x: int', 'y: int'),
    'get_type_hints module': ({'work.py': 'import sys\nx: int\ndef a(): return sys.modules[__name__].__annotations__\n'}, 'work.py', 'x: int', 'x: str'),
    '__all__ dir': ({'work.py': "def f(): return 1\ndef a(): return [n for n in globals() if n == 'g']\n"}, 'work.py', 'def f', 'def g'),
    '__name__ var of file': ({'x.py': 'import sys\ndef f(): return sys._getframe(1).f_code.co_name\n', 'work.py': 'import x\ndef g(): return x.f()\ndef a(): return g()\n'}, 'work.py', 'g()', 'hh()'),
}  # fmt: skip


def code(folder):
    [found] = PythonTask().inputs([TaskSpec("python", "work.a")], folder)
    return found.code


PROGRAM = "import sys; sys.path.insert(0, '.'); import work; print(repr(work.a()), flush=True)"
FORKING = """
import posix, sys
for folder in sys.stdin:
    child = posix.fork()
    if not child:
        posix.chdir(folder[:-1])
        status = 1
        try:
            exec(sys.argv[1])
            status = 0
        finally:
            posix._exit(status)
    posix.waitpid(child, 0)
    print(flush=True)
"""
"""Runs a program in many folders, each time in a fork of a bare interpreter that has imported nothing yet."""


@pytest.fixture(scope="module")
def interpreter():
    argv = [sys.executable, "-B", "-S", "-c", FORKING, PROGRAM]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, bufsize=1) as process:
        yield process


def result(folder, interpreter):
    """What the step returns, as text; "" if it fails."""
    interpreter.stdin.write(f"{folder}\n")
    lines = "".join(iter(interpreter.stdout.readline, "\n"))
    assert interpreter.poll() is None
    return lines


@pytest.mark.parametrize(("files", "name", "old", "new"), EDITS.values(), ids=EDITS)
def test_an_edit_that_changes_the_result_changes_the_code(tmp_path, interpreter, files, name, old, new):
    for file, text in files.items():
        (tmp_path / file).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / file).write_text(text)
    before, first = code(tmp_path), result(tmp_path, interpreter)
    text = (tmp_path / name).read_text()
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new))
    assert result(tmp_path, interpreter) != first
    assert code(tmp_path) != before
