"""Edits in places that are far from a step, or that no statement of it names: each changes the result, and so the code."""

import json

import pytest

from magnus.graph.nodes import TaskSpec
from magnus.tasks.notebook import NotebookTask
from magnus.tasks.python import PythonTask
from magnus.tasks.shell import ShellTask

WORK = "work.a"
EDITS = {
    # each: the command, the files, the file to edit, the old text, the new text
    "a decorator with an argument": (WORK, {"work.py": "def by(n):\n    def d(f): return lambda: f() * n\n    return d\n@by(2)\ndef a(): return 1\n"}, "work.py", "@by(2)", "@by(3)"),
    "a decorator with a constant": (WORK, {"k.py": "N = 2\n", "d.py": "from functools import wraps\ndef by(n):\n    def d(f):\n        @wraps(f)\n        def w(): return f() * n\n        return w\n    return d\n", "work.py": "import k\nfrom d import by\n@by(k.N)\ndef a(): return 1\n"}, "k.py", "N = 2", "N = 3"),
    "a decorator class with __call__": (WORK, {"d.py": "class By:\n    def __init__(self, f): self.f = f\n    def __call__(self): return self.f() * 2\n", "work.py": "from d import By\n@By\ndef g(): return 1\ndef a(): return g()\n"}, "d.py", "* 2", "* 3"),
    "stacked decorators in another order": (WORK, {"work.py": "def p(f): return lambda: f() + 1\ndef t(f): return lambda: f() * 2\n@p\n@t\ndef a(): return 1\n"}, "work.py", "@p\n@t", "@t\n@p"),
    "a metaclass": (WORK, {"m.py": "class M(type):\n    def __new__(mc, n, b, d):\n        d['v'] = 1\n        return super().__new__(mc, n, b, d)\n", "work.py": "from m import M\nclass C(metaclass=M): pass\ndef a(): return C.v\n"}, "m.py", "= 1", "= 2"),
    "__prepare__ of a metaclass": (WORK, {"m.py": "class M(type):\n    @classmethod\n    def __prepare__(mc, n, b): return {'v': 1}\n", "work.py": "from m import M\nclass B(metaclass=M): pass\nclass C(B): pass\ndef a(): return C.v\n"}, "m.py", "'v': 1", "'v': 2"),
    "a keyword of a class": (WORK, {"work.py": "class B:\n    def __init_subclass__(cls, v=0): cls.v = v\nclass C(B, v=1): pass\ndef a(): return C.v\n"}, "work.py", "v=1", "v=2"),
    "__init_subclass__ of a base elsewhere": (WORK, {"b.py": "class B:\n    def __init_subclass__(cls): cls.v = 1\n", "c.py": "from b import B\nclass C(B): pass\n", "work.py": "from c import C\ndef a(): return C.v\n"}, "b.py", "cls.v = 1", "cls.v = 2"),
    "a subclass that registers itself elsewhere": (WORK, {"b.py": "ALL = []\nclass B:\n    def __init_subclass__(cls): ALL.append(cls)\n", "c.py": "from b import B\nclass C(B): v = 1\n", "work.py": "import c\nfrom b import ALL\ndef a(): return ALL[0].v\n"}, "c.py", "v = 1", "v = 2"),
    "__set_name__ of a descriptor": (WORK, {"d.py": "class D:\n    def __set_name__(self, o, n): self.n = n + '1'\n    def __get__(self, i, o): return self.n\n", "work.py": "from d import D\nclass C: x = D()\ndef a(): return C().x\n"}, "d.py", "'1'", "'2'"),
    "__class_getitem__": (WORK, {"g.py": "class G:\n    def __class_getitem__(cls, i): return i * 2\n", "work.py": "from g import G\ndef a(): return G[2]\n"}, "g.py", "i * 2", "i * 3"),
    "a registration of singledispatch in another module": (WORK, {"s.py": "from functools import singledispatch\n@singledispatch\ndef f(x): return 0\n", "r.py": "from s import f\n@f.register\ndef _(x: int): return 1\n", "work.py": "import r\nfrom s import f\ndef a(): return f(1)\n"}, "r.py", "return 1", "return 2"),
    "a registration of singledispatch by a call": (WORK, {"s.py": "from functools import singledispatch\n@singledispatch\ndef f(x): return 0\n", "r.py": "import s\ndef of_int(x): return 1\ns.f.register(int, of_int)\n", "work.py": "import r, s\ndef a(): return s.f(1)\n"}, "r.py", "return 1", "return 2"),
    "singledispatchmethod": (WORK, {"s.py": "from functools import singledispatchmethod\nclass C:\n    @singledispatchmethod\n    def f(self, x): return 0\n    @f.register\n    def _(self, x: int): return 1\n", "work.py": "from s import C\ndef a(): return C().f(1)\n"}, "s.py", "return 1", "return 2"),
    "a default of a named tuple": (WORK, {"t.py": "from typing import NamedTuple\nclass T(NamedTuple):\n    x: int = 1\n", "work.py": "from t import T\ndef a(): return T().x\n"}, "t.py", "= 1", "= 2"),
    "a default of a namedtuple call": (WORK, {"t.py": "from collections import namedtuple\nT = namedtuple('T', 'x', defaults=[1])\n", "work.py": "from t import T\ndef a(): return T().x\n"}, "t.py", "[1]", "[2]"),
    "a factory of a field": (WORK, {"t.py": "from dataclasses import dataclass, field\ndef make(): return [1]\n@dataclass\nclass T:\n    x: list = field(default_factory=make)\n", "work.py": "import t\ndef a(): return t.T().x\n"}, "t.py", "[1]", "[2]"),
    "__post_init__": (WORK, {"t.py": "from dataclasses import dataclass\n@dataclass\nclass B:\n    x: int = 1\n    def __post_init__(self): self.x += 1\n", "work.py": "import t\nfrom dataclasses import dataclass\n@dataclass\nclass C(t.B):\n    y: int = 0\ndef a(): return C().x\n"}, "t.py", "+= 1", "+= 2"),
    "an option of a dataclass": (WORK, {"t.py": "from dataclasses import dataclass\n@dataclass(order=True)\nclass T:\n    x: int\n", "work.py": "from t import T\ndef a(): return hasattr(T(1), '__hash__') and T(1).__hash__ is None\n"}, "t.py", "order=True", "frozen=True"),
    "the value of a member of an enum": (WORK, {"e.py": "from enum import Enum\nclass E(Enum):\n    A = 1\n", "work.py": "from e import E\ndef a(): return E.A.value\n"}, "e.py", "A = 1", "A = 2"),
    "the order of members by auto()": (WORK, {"e.py": "from enum import Enum, auto\nclass E(Enum):\n    A = auto()\n    B = auto()\n", "work.py": "from e import E\ndef a(): return E.A.value\n"}, "e.py", "    A = auto()\n    B = auto()\n", "    B = auto()\n    A = auto()\n"),
    "_generate_next_value_": (WORK, {"e.py": "from enum import Enum, auto\nclass N(Enum):\n    def _generate_next_value_(name, *_): return name + '1'\nclass E(N):\n    A = auto()\n", "work.py": "from e import E\ndef a(): return E.A.value\n"}, "e.py", "'1'", "'2'"),
    "__getattr__ of a module": (WORK, {"m.py": "def __getattr__(name): return 1\n", "work.py": "import m\ndef a(): return m.any\n"}, "m.py", "return 1", "return 2"),
    "__getattr__ of a module, imported from": (WORK, {"m.py": "V = 1\ndef __getattr__(name): return V\n", "work.py": "from m import any\ndef a(): return any\n"}, "m.py", "V = 1", "V = 2"),
    "__getattr__ of a package that imports lazily": (WORK, {"p/__init__.py": "import importlib\ndef __getattr__(name): return importlib.import_module(f'p.{name}').f\n", "p/x.py": "def f(): return 1\n", "work.py": "import p\ndef a(): return p.x()\n"}, "p/x.py", "return 1", "return 2"),
    "__all__ of a module of a star": (WORK, {"m.py": "__all__ = ['f']\ndef f(): return 1\ndef g(): return 2\n", "n.py": "def g(): return 3\n", "work.py": "from n import *\nfrom m import *\ndef a(): return g()\n"}, "m.py", "['f']", "['f', 'g']"),
    "a name that a later star covers": (WORK, {"m.py": "def g(): return 2\n", "n.py": "def h(): return 3\n", "work.py": "from m import *\nfrom n import *\ndef a(): return g()\n"}, "n.py", "def h()", "def g()"),
    "a star of a star": (WORK, {"m.py": "from n import *\n", "n.py": "from o import *\n", "o.py": "def g(): return 3\n", "work.py": "from m import *\ndef a(): return g()\n"}, "o.py", "return 3", "return 4"),
    "a condition of an import": (WORK, {"k.py": "FAST = True\n", "x.py": "def f(): return 1\n", "y.py": "def f(): return 2\n", "work.py": "import k\nif k.FAST:\n    from x import f\nelse:\n    from y import f\ndef a(): return f()\n"}, "k.py", "True", "False"),
    "a module that was missing": (WORK, {"y.py": "def f(): return 2\n", "work.py": "try:\n    from x import f\nexcept ImportError:\n    from y import f\ndef a(): return f()\n"}, "x.py", "", "def f(): return 1\n"),
    "a module that was missing, in a function": (WORK, {"work.py": "def a():\n    try:\n        import fast\n        return fast.f()\n    except ImportError:\n        return 2\n"}, "fast.py", "", "def f(): return 1\n"),
    "a name that was missing": (WORK, {"x.py": "", "work.py": "try:\n    from x import f\nexcept ImportError:\n    def f(): return 2\ndef a(): return f()\n"}, "x.py", "", "def f(): return 1\n"),
    "contextlib.suppress around an import": (WORK, {"work.py": "import contextlib\nV = 2\nwith contextlib.suppress(ImportError):\n    from x import V\ndef a(): return V\n"}, "x.py", "", "V = 1\n"),
    "find_spec of a module that was missing": (WORK, {"work.py": "from importlib.util import find_spec\ndef a(): return find_spec('extra') is None\n"}, "extra.py", "", "V = 1\n"),
    "a global that a closure sees": (WORK, {"m.py": "S = []\ndef make():\n    def f(): return len(S)\n    return f\nS.append(1)\n", "work.py": "from m import make\nf = make()\ndef a(): return f()\n"}, "m.py", "S.append(1)", "S.extend([1, 2])"),
    "a global that another module fills": (WORK, {"m.py": "S = {}\n", "n.py": "import m\nm.S['k'] = 1\n", "work.py": "import n\nfrom m import S\ndef a(): return S['k']\n"}, "n.py", "= 1", "= 2"),
    "a global that a function sets by global": (WORK, {"m.py": "V = 0\ndef init():\n    global V\n    V = 1\ninit()\n", "work.py": "import m\ndef a(): return m.V\n"}, "m.py", "V = 1", "V = 2"),
    "a default that is changed": (WORK, {"m.py": "def f(x, seen=[]):\n    seen.append(x)\n    return len(seen)\nf(0)\n", "work.py": "import m\ndef a(): return m.f(1)\n"}, "m.py", "f(0)\n", "f(0)\nf(0)\n"),
    "a patch of a module": (WORK, {"m.py": "def f(): return 1\n", "p.py": "import m\nm.f = lambda: 2\n", "work.py": "import p, m\ndef a(): return m.f()\n"}, "p.py", "2", "3"),
    "a patch by setattr": (WORK, {"m.py": "def f(): return 1\n", "p.py": "import m\nsetattr(m, 'f', lambda: 2)\n", "work.py": "import p, m\ndef a(): return m.f()\n"}, "p.py", "2", "3"),
    "a patch of a library": (WORK, {"p.py": "import json\njson.loads = lambda text: 2\n", "work.py": "import p, json\ndef a(): return json.loads('1')\n"}, "p.py", "2", "3"),
    "a patch of builtins": (WORK, {"p.py": "import builtins\nbuiltins.sum = lambda xs: 2\n", "work.py": "import p\ndef a(): return sum([1])\n"}, "p.py", "2", "3"),
    "a patch in a package around it": ("p.work.a", {"p/__init__.py": "import json\njson.loads = lambda text: 2\n", "p/work.py": "import json\ndef a(): return json.loads('1')\n"}, "p/__init__.py", "2", "3"),
    "a patch of a method": (WORK, {"m.py": "class C:\n    def f(self): return 1\n", "p.py": "from m import C\ndef f(self): return 2\nC.f = f\n", "work.py": "import p\nfrom m import C\ndef a(): return C().f()\n"}, "p.py", "return 2", "return 3"),
    "a patch by unittest.mock": (WORK, {"m.py": "def f(): return 1\n", "p.py": "from unittest import mock\nmock.patch('m.f', lambda: 2).start()\n", "work.py": "import p, m\ndef a(): return m.f()\n"}, "p.py", "2", "3"),
    "what a package exports": (WORK, {"p/__init__.py": "from .x import f\n", "p/x.py": "def f(): return 1\n", "p/y.py": "def f(): return 2\n", "work.py": "from p import f\ndef a(): return f()\n"}, "p/__init__.py", ".x", ".y"),
    "behind what a package exports by another name": (WORK, {"p/__init__.py": "from .x import g as f\n", "p/x.py": "from ..q import f as g\n" if False else "from q import f as g\n", "q.py": "def f(): return 1\n", "work.py": "from p import f\ndef a(): return f()\n"}, "q.py", "return 1", "return 2"),
    "relative imports of two levels": ("p.q.work.a", {"p/__init__.py": "", "p/k.py": "V = 1\n", "p/q/__init__.py": "", "p/q/work.py": "from ..k import V\ndef a(): return V\n"}, "p/k.py", "V = 1", "V = 2"),
    "from . import": ("p.work.a", {"p/__init__.py": "V = 1\n", "p/work.py": "from . import V\ndef a(): return V\n"}, "p/__init__.py", "V = 1", "V = 2"),
    "a namespace package": (WORK, {"n/x.py": "def f(): return 1\n", "work.py": "import n.x\ndef a(): return n.x.f()\n"}, "n/x.py", "return 1", "return 2"),
    "a namespace package in src": (WORK, {"src/n/x.py": "def f(): return 1\n", "work.py": "from n import x\ndef a(): return x.f()\n"}, "src/n/x.py", "return 1", "return 2"),
    "a helper with lru_cache": (WORK, {"m.py": "from functools import lru_cache\n@lru_cache(maxsize=None)\ndef f(): return 1\n", "work.py": "from m import f\ndef a(): return f()\n"}, "m.py", "return 1", "return 2"),
    "a cached property": (WORK, {"m.py": "from functools import cached_property\nclass C:\n    @cached_property\n    def v(self): return 1\n", "work.py": "from m import C\ndef a(): return C().v\n"}, "m.py", "return 1", "return 2"),
    "a partial": (WORK, {"m.py": "from functools import partial\ndef f(x): return x\ng = partial(f, 1)\n", "work.py": "from m import g\ndef a(): return g()\n"}, "m.py", "f, 1", "f, 2"),
    "a walrus in a comprehension": (WORK, {"m.py": "XS = [y for x in (1, 2) if (y := x + 1)]\n", "work.py": "import m\ndef a(): return m.y\n"}, "m.py", "x + 1", "x + 2"),
    "a walrus in a condition": (WORK, {"m.py": "if (n := 1): pass\n", "work.py": "from m import n\ndef a(): return n\n"}, "m.py", "1", "2"),
    "a class pattern of match": (WORK, {"m.py": "class P:\n    __match_args__ = ('x', 'y')\n    x, y = 1, 2\n", "work.py": "import m\ndef a():\n    match m.P():\n        case m.P(v): return v\n"}, "m.py", "('x', 'y')", "('y', 'x')"),
    "a value pattern of match": (WORK, {"m.py": "V = 1\n", "work.py": "import m\ndef a():\n    match 1:\n        case m.V: return 1\n        case _: return 2\n"}, "m.py", "V = 1", "V = 2"),
    "match at the top of a module": (WORK, {"m.py": "match 1:\n    case 1:\n        V = 1\n    case _:\n        V = 3\n", "work.py": "from m import V\ndef a(): return V\n"}, "m.py", "V = 1", "V = 2"),
    "annotations of another module": (WORK, {"m.py": "x: int\n", "work.py": "import m\ndef a(): return str(m.__annotations__)\n"}, "m.py", "x: int", "x: str"),
    "annotations of another module, imported": (WORK, {"m.py": "x: int = 1\n", "work.py": "from m import __annotations__ as A\ndef a(): return str(A)\n"}, "m.py", "x: int", "x: str"),
    "annotations of its own module": (WORK, {"work.py": "x: int\ndef a(): return str(__annotations__)\n"}, "work.py", "x: int", "x: str"),
    "annotations by get_type_hints": (WORK, {"m.py": "x: int\n", "work.py": "import m, typing\ndef a(): return str(typing.get_type_hints(m))\n"}, "m.py", "x: int", "x: str"),
    "annotations of a class": (WORK, {"m.py": "class C:\n    x: int\n", "work.py": "from m import C\ndef a(): return str(C.__annotations__)\n"}, "m.py", "x: int", "x: str"),
    "__dict__ of another module": (WORK, {"m.py": "x = 1\n", "work.py": "import m\ndef a(): return m.__dict__['x']\n"}, "m.py", "x = 1", "x = 2"),
    "vars() of another module": (WORK, {"m.py": "x = 1\n", "work.py": "import m\ndef a(): return vars(m)['x']\n"}, "m.py", "x = 1", "x = 2"),
    "dir() of another module": (WORK, {"m.py": "x = 1\n", "work.py": "import m\ndef a(): return dir(m)\n"}, "m.py", "x = 1", "y = 1"),
    "operator.attrgetter of a module": (WORK, {"m.py": "x = 1\n", "work.py": "import m, operator\ndef a(): return operator.attrgetter('x')(m)\n"}, "m.py", "x = 1", "x = 2"),
    "source by inspect": (WORK, {"m.py": "def f(): return 1\n", "work.py": "import m, inspect\ndef a(): return inspect.getsource(m.f)\n"}, "m.py", "return 1", "return 2"),
    "a comment that inspect sees": (WORK, {"m.py": "def f():\n    # one\n    return 1\n", "work.py": "import m, inspect\ndef a(): return inspect.getsource(m.f)\n"}, "m.py", "# one", "# two"),
    "the number of a line": (WORK, {"m.py": "\ndef f(): return 1\n", "work.py": "import m\ndef a(): return m.f.__code__.co_firstlineno\n"}, "m.py", "\ndef", "\n\ndef"),
    "a name by sys.modules": (WORK, {"m.py": "x = 1\n", "work.py": "import m, sys\ndef a(): return sys.modules['m'].x\n"}, "m.py", "x = 1", "x = 2"),
    "exec of a text": (WORK, {"m.py": "x = 1\n", "work.py": "def a():\n    names = {}\n    exec('import m; x = m.x', names)\n    return names['x']\n"}, "m.py", "x = 1", "x = 2"),
    "runpy of a path": (WORK, {"m.py": "x = 1\n", "work.py": "import runpy\ndef a(): return runpy.run_path('m.py')['x']\n"}, "m.py", "x = 1", "x = 2"),
    "importlib.reload": (WORK, {"m.py": "x = 1\n", "work.py": "import m, importlib\ndef a(): return importlib.reload(m).x\n"}, "m.py", "x = 1", "x = 2"),
    "pkgutil.resolve_name": (WORK, {"m.py": "x = 1\n", "work.py": "import pkgutil\ndef a(): return pkgutil.resolve_name('m:x')\n"}, "m.py", "x = 1", "x = 2"),
    "plugins of a folder": (WORK, {"plugins/__init__.py": "", "plugins/x.py": "V = 1\n", "work.py": "import pkgutil, importlib, plugins\ndef a(): return [importlib.import_module(f'plugins.{m.name}').V for m in pkgutil.iter_modules(plugins.__path__)]\n"}, "plugins/x.py", "V = 1", "V = 2"),
    "one more plugin in a folder": (WORK, {"plugins/__init__.py": "", "plugins/x.py": "V = 1\n", "work.py": "import pkgutil, importlib, plugins\ndef a(): return [importlib.import_module(f'plugins.{m.name}').V for m in pkgutil.iter_modules(plugins.__path__)]\n"}, "plugins/y.py", "", "V = 2\n"),
    "a context manager": (WORK, {"m.py": "from contextlib import contextmanager\n@contextmanager\ndef c(): yield 1\n", "work.py": "from m import c\ndef a():\n    with c() as x: return x\n"}, "m.py", "yield 1", "yield 2"),
    "an operator of a class": (WORK, {"m.py": "class N:\n    def __add__(self, other): return 1\nZERO = N()\n", "work.py": "from m import ZERO\ndef a(): return ZERO + 1\n"}, "m.py", "return 1", "return 2"),
    "a property that is set later": (WORK, {"m.py": "class C: pass\ndef v(self): return 1\nC.v = property(v)\n", "work.py": "from m import C\ndef a(): return C().v\n"}, "m.py", "return 1", "return 2"),
    "a class made by type()": (WORK, {"m.py": "def f(self): return 1\nC = type('C', (), {'f': f})\n", "work.py": "from m import C\ndef a(): return C().f()\n"}, "m.py", "return 1", "return 2"),
    "a mixin two bases away": (WORK, {"m.py": "class M:\n    def f(self): return 1\n", "n.py": "import m\nclass B(m.M): pass\n", "work.py": "from n import B\nclass C(B): pass\ndef a(): return C().f()\n"}, "m.py", "return 1", "return 2"),
    "super() of another branch of bases": (WORK, {"m.py": "class A:\n    def f(self): return 1\nclass B(A):\n    def f(self): return super().f()\nclass D(A):\n    def f(self): return 2\n", "work.py": "import m\nclass C(m.B, m.D): pass\ndef a(): return C().f()\n"}, "m.py", "return 2", "return 3"),
    "an attribute of a function": (WORK, {"m.py": "def f(): return f.v\nf.v = 1\n", "work.py": "from m import f\ndef a(): return f()\n"}, "m.py", "f.v = 1", "f.v = 2"),
    "augmented assignment": (WORK, {"m.py": "V = [1]\nV += [2]\n", "work.py": "from m import V\ndef a(): return V\n"}, "m.py", "[2]", "[3]"),
    "a name that is deleted": (WORK, {"m.py": "def sum(xs): return 1\n", "work.py": "from m import *\ndef a(): return sum([2])\n"}, "m.py", "return 1\n", "return 1\ndel sum\n"),
    "a loop at the top of a module": (WORK, {"m.py": "T = {}\nfor i in range(3): T[i] = i\n", "work.py": "from m import T\ndef a(): return T[2]\n"}, "m.py", "= i\n", "= i + 1\n"),
    "an alias of a type": (WORK, {"m.py": "from typing import Literal\nT = Literal['a']\n", "work.py": "import typing\nfrom m import T\ndef a(): return typing.get_args(T)\n"}, "m.py", "'a'", "'b'"),
    "a type variable with a bound": (WORK, {"m.py": "from typing import TypeVar\nT = TypeVar('T', bound=int)\n", "work.py": "from m import T\ndef a(): return str(T.__bound__)\n"}, "m.py", "bound=int", "bound=str"),
    "an atexit or a hook of imports": (WORK, {"p.py": "import sys\nclass F:\n    def find_spec(self, name, path, target=None): return None\nsys.meta_path.insert(0, F())\nsys.x = 1\n", "work.py": "import p, sys\ndef a(): return sys.x\n"}, "p.py", "sys.x = 1", "sys.x = 2"),
    "a json that is code": (WORK, {"m.py": "import json\nT = json.loads('''{\"k\": 1}''')\n", "work.py": "from m import T\ndef a(): return T['k']\n"}, "m.py", "1}", "2}"),
    "an f-string of a module": (WORK, {"m.py": "N = 1\nT = f'{N}'\n", "work.py": "from m import T\ndef a(): return T\n"}, "m.py", "N = 1", "N = 2"),
    "a lambda as a default": (WORK, {"m.py": "def f(g=lambda: 1): return g()\n", "work.py": "from m import f\ndef a(): return f()\n"}, "m.py", "lambda: 1", "lambda: 2"),
    "a generator that is delegated to": (WORK, {"m.py": "def g():\n    yield 1\n", "work.py": "from m import g\ndef h():\n    yield from g()\ndef a(): return list(h())\n"}, "m.py", "yield 1", "yield 2"),
    "a coroutine": (WORK, {"m.py": "async def g(): return 1\n", "work.py": "from m import g\nasync def a(): return await g()\n"}, "m.py", "return 1", "return 2"),
    "a chain of imports of five modules": (WORK, {**{f"m{i}.py": f"from m{i + 1} import f\n" for i in range(5)}, "m5.py": "def f(): return 1\n", "work.py": "from m0 import f\ndef a(): return f()\n"}, "m5.py", "return 1", "return 2"),
    "a module with a name of the standard library": (WORK, {"colors.py": "V = 1\n", "work.py": "import colors\ndef a(): return colors.V\n"}, "colors.py", "V = 1", "V = 2"),
    "a package instead of a module": (WORK, {"m.py": "V = 1\n", "work.py": "import m\ndef a(): return m.V\n"}, "m/__init__.py", "", "V = 2\n"),
    "a module that shadows one of the library": (WORK, {"work.py": "import textwrap\ndef a(): return getattr(textwrap, 'V', 1)\n"}, "textwrap.py", "", "V = 2\n"),
}  # fmt: skip

SHELL = {
    "a script that sources another": ("bash run.sh", {"run.sh": "source lib/a.sh\necho $V\n", "lib/a.sh": "V=1\n"}, "lib/a.sh", "V=1", "V=2"),
    "a script that sources by a dot": ("sh run.sh", {"run.sh": ". ./lib/a.sh\necho $V\n", "lib/a.sh": "V=1\n"}, "lib/a.sh", "V=1", "V=2"),
    "a script that sources one that sources one": ("bash run.sh", {"run.sh": "source a.sh\necho $V\n", "a.sh": "source b.sh\n", "b.sh": "V=1\n"}, "b.sh", "V=1", "V=2"),
    "a script beside itself": ("bash lib/run.sh", {"lib/run.sh": 'source "$(dirname "$0")/a.sh"\necho $V\n', "lib/a.sh": "V=1\n"}, "lib/a.sh", "V=1", "V=2"),
    "a script beside itself by BASH_SOURCE": ("bash lib/run.sh", {"lib/run.sh": 'here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"\nsource "$here/a.sh"\necho $V\n', "lib/a.sh": "V=1\n"}, "lib/a.sh", "V=1", "V=2"),
    "an executable script": ("./run", {"run": "#!/bin/sh\necho 1\n"}, "run", "echo 1", "echo 2"),
    "a target of a Makefile": ("make -s all", {"Makefile": "all:\n\t@echo 1\n"}, "Makefile", "echo 1", "echo 2"),
    "a Makefile that includes another": ("make -s all", {"Makefile": "include rules.mk\n", "rules.mk": "all:\n\t@echo 1\n"}, "rules.mk", "echo 1", "echo 2"),
    "a Makefile of another folder": ("make -s -C sub all", {"sub/Makefile": "all:\n\t@echo 1\n"}, "sub/Makefile", "echo 1", "echo 2"),
    "a script in a Makefile": ("make -s all", {"Makefile": "all:\n\t@sh tools/a.sh\n", "tools/a.sh": "echo 1\n"}, "tools/a.sh", "echo 1", "echo 2"),
    "a heredoc of python": ("python - <<'EOF'\nimport m\nprint(m.V)\nEOF", {"m.py": "V = 1\n"}, "m.py", "V = 1", "V = 2"),
    "a heredoc of bash": ("bash <<'EOF'\nsource a.sh\necho $V\nEOF", {"a.sh": "V=1\n"}, "a.sh", "V=1", "V=2"),
    "a heredoc in a script": ("bash run.sh", {"run.sh": "python - <<EOF\nimport m\nprint(m.V)\nEOF\n", "m.py": "V = 1\n"}, "m.py", "V = 1", "V = 2"),
    "a file of the environment": ("set -a; . ./.env; echo $V", {".env": "V=1\n"}, ".env", "V=1", "V=2"),
    "a file of the environment without an ending": ("source settings; echo $V", {"settings": "V=1\n"}, "settings", "V=1", "V=2"),
    "xargs of a file of the environment": ("env $(cat vars.env | xargs) sh -c 'echo $V'", {"vars.env": "V=1\n"}, "vars.env", "V=1", "V=2"),
    "a python with -c": ('python -c "import m; print(m.V)"', {"m.py": "V = 1\n"}, "m.py", "V = 1", "V = 2"),
    "a module with -m": ("python -m p.cli", {"p/__init__.py": "", "p/cli.py": "from p.k import V\nprint(V)\n", "p/k.py": "V = 1\n"}, "p/k.py", "V = 1", "V = 2"),
    "a package with __main__": ("python -m p", {"p/__init__.py": "", "p/__main__.py": "print(1)\n"}, "p/__main__.py", "1", "2"),
    "a folder with __main__": ("python p", {"p/__main__.py": "import k\nprint(k.V)\n", "p/k.py": "V = 1\n"}, "p/k.py", "V = 1", "V = 2"),
    "PYTHONPATH in the command": ("PYTHONPATH=lib python main.py", {"main.py": "import k\nprint(k.V)\n", "lib/k.py": "V = 1\n"}, "lib/k.py", "V = 1", "V = 2"),
    "cd before a script": ("cd sub && python main.py", {"sub/main.py": "import k\nprint(k.V)\n", "sub/k.py": "V = 1\n"}, "sub/k.py", "V = 1", "V = 2"),
    "a program of awk": ("echo 1 | awk -f p.awk", {"p.awk": "{print $1 + 1}\n"}, "p.awk", "+ 1", "+ 2"),
    "a program of sed": ("echo 1 | sed -f p.sed", {"p.sed": "s/1/2/\n"}, "p.sed", "/2/", "/3/"),
    "a loop over scripts": ("for s in steps/*.sh; do bash $s; done", {"steps/a.sh": "echo 1\n"}, "steps/a.sh", "echo 1", "echo 2"),
    "xargs of a script": ("echo 1 | xargs -n 1 bash one.sh", {"one.sh": "echo $1\n"}, "one.sh", "echo $1", "echo $1 2"),
    "find -exec": ("find . -name '*.txt' -exec sh one.sh {} \\;", {"one.sh": "echo 1\n", "x.txt": ""}, "one.sh", "echo 1", "echo 2"),
    "env and timeout before a script": ("env X=1 timeout 5 bash run.sh", {"run.sh": "echo 1\n"}, "run.sh", "echo 1", "echo 2"),
    "a script through a variable": ("S=run.sh; bash $S", {"run.sh": "echo 1\n"}, "run.sh", "echo 1", "echo 2"),
    "a script on standard input": ("bash < run.sh", {"run.sh": "echo 1\n"}, "run.sh", "echo 1", "echo 2"),
    "a script by a pipe": ("cat run.sh | bash", {"run.sh": "echo 1\n"}, "run.sh", "echo 1", "echo 2"),
    "a trap that sources": ("trap 'source bye.sh' EXIT; true", {"bye.sh": "echo 1\n"}, "bye.sh", "echo 1", "echo 2"),
    "BASH_ENV": ("BASH_ENV=e.sh bash -c 'echo $V'", {"e.sh": "V=1\n"}, "e.sh", "V=1", "V=2"),
}  # fmt: skip

NOTEBOOKS = {
    "%run of a script": (["%run tool.py"], {"tool.py": "V = 1\n"}, "tool.py", "V = 1", "V = 2"),
    "%run of a notebook": (["%run other.ipynb"], {"other.ipynb": json.dumps({"cells": [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": "V = 1"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})}, "other.ipynb", "V = 1", "V = 2"),
    "a shell line": (["!bash run.sh"], {"run.sh": "echo 1\n"}, "run.sh", "echo 1", "echo 2"),
    "a shell line that is assigned": (["x = !bash run.sh"], {"run.sh": "echo 1\n"}, "run.sh", "echo 1", "echo 2"),
    "a cell of bash": (["%%bash\nsource a.sh\necho $V"], {"a.sh": "V=1\n"}, "a.sh", "V=1", "V=2"),
    "%load_ext of a module of the project": (["%load_ext ext"], {"ext.py": "def load_ipython_extension(ip): ip.push({'V': 1})\n"}, "ext.py", "1", "2"),
    "%autoreload and an import": (["%load_ext autoreload\n%autoreload 2\nimport m\nm.V"], {"m.py": "V = 1\n"}, "m.py", "V = 1", "V = 2"),
    "%%time around an import": (["%%time\nimport m\nprint(m.V)"], {"m.py": "V = 1\n"}, "m.py", "V = 1", "V = 2"),
    "%timeit of a function": (["from m import f\n%timeit -n 1 -r 1 f()"], {"m.py": "def f(): return 1\n"}, "m.py", "return 1", "return 2"),
    "%cd before an import": (["%cd sub\nimport k\nprint(k.V)"], {"sub/k.py": "V = 1\n"}, "sub/k.py", "V = 1", "V = 2"),
}  # fmt: skip


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755 if text.startswith("#!") else 0o644)


def edit(folder, name, old, new):
    file = folder / name
    text = file.read_text() if file.exists() else ""
    assert old in text
    write(folder, {name: text.replace(old, new, 1)})


def inputs(kind, command, folder):
    task = {"python": PythonTask, "shell": ShellTask, "notebook": NotebookTask}[kind]()
    [found] = task.inputs([TaskSpec(kind, command)], folder)
    return found


def differs(kind, command, folder, files, name, old, new):
    write(folder, files)
    before = inputs(kind, command, folder)
    edit(folder, name, old, new)
    after = inputs(kind, command, folder)
    return before.code != after.code or bool(before.problem)


@pytest.mark.parametrize(("command", "files", "name", "old", "new"), EDITS.values(), ids=EDITS)
def test_an_edit_far_away_changes_the_code(tmp_path, command, files, name, old, new):
    assert differs("python", command, tmp_path, files, name, old, new)


@pytest.mark.parametrize(("command", "files", "name", "old", "new"), SHELL.values(), ids=SHELL)
def test_an_edit_of_what_a_command_loads_changes_the_code(tmp_path, command, files, name, old, new):
    assert differs("shell", command, tmp_path, files, name, old, new)


@pytest.mark.parametrize(("cells", "files", "name", "old", "new"), NOTEBOOKS.values(), ids=NOTEBOOKS)
def test_an_edit_of_what_a_cell_loads_changes_the_code(tmp_path, cells, files, name, old, new):
    written = [
        {"cell_type": "code", "id": str(n), "metadata": {}, "outputs": [], "execution_count": None, "source": cell}
        for n, cell in enumerate(cells)
    ]
    document = {"cells": written, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    write(tmp_path, {"n.ipynb": json.dumps(document)})
    assert differs("notebook", "n.ipynb", tmp_path, files, name, old, new)
