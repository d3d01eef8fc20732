"""Images made without a registry: the python that runs the tests, a shell with its tools, and magnus as it is here."""

import io
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
from importlib import metadata
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src/magnus"
TOOLS = "bash sh env cat cp mkdir rm sleep ls grep sed date id find true head tr sort wc".split()
LIBRARIES = re.compile(r"lib(gcc_s|stdc\+\+|rt|dl|pthread|util|resolv|nsl|m|z|expat)\.so[.\d]*")
"""What wheels may count on, beside what their files name."""
LEFT_OUT = {"site-packages", "test", "idlelib", "ensurepip", "tkinter", "lib2to3", "turtledemo"}
SCRIPT = "#!{python}\nimport sys\nfrom magnus.cli.main import main\nsys.exit(main())\n"


def filled(file, *packages, magnus=True, version=""):
    """Write the file system of an image to the tar file: with `packages` and what they need, and magnus or not.

    With `version` magnus says that it is that one.
    """
    with tarfile.open(file, "w") as tar:
        contents = _Contents(tar)
        contents.python()
        for tool in TOOLS:
            contents.program(tool)
        for package in _needed([*_own_needs(), *packages] if magnus else []):
            contents.package(package)
        if magnus:
            contents.magnus(version)
        contents.finish()


class _Contents:
    """What is in the image so far; each file is at the path it has here."""

    def __init__(self, tar):
        self.tar = tar
        self.names = set()
        self.binaries = []
        self.site = Path(sysconfig.get_path("stdlib"), "site-packages")
        self.python_program = f"{sys.base_prefix}/bin/python3"

    def python(self):
        self._folder("/tmp", 0o1777)
        for link in ("bin", "sbin", "lib", "lib64"):
            if os.path.islink(f"/{link}"):
                self._link(f"/{link}", os.readlink(f"/{link}"))
        real = os.path.realpath(sys._base_executable)
        self.file(real, self.python_program)
        self.binaries.append(real)
        library = Path(sysconfig.get_config_var("LIBDIR"))
        for file in library.glob("libpython3*.so*"):
            self.file(file)
        for root, folders, files in os.walk(sysconfig.get_path("stdlib")):
            folders[:] = [name for name in folders if name not in LEFT_OUT and not name.startswith("config-")]
            for name in files:
                self.file(f"{root}/{name}")

    def program(self, name):
        found = subprocess.run(["which", name], capture_output=True, text=True, check=True).stdout.strip()
        self.file(found)
        self.binaries.append(found)

    def package(self, distribution):
        for file in distribution.files or []:
            if ".." not in file.parts:
                self.file(distribution.locate_file(file), self.site / file)

    def magnus(self, version):
        for file in SOURCE.rglob("*"):
            if not (version and file == SOURCE / "__init__.py") and file.is_file():
                self.file(file, self.site / "magnus" / file.relative_to(SOURCE))
        if version:
            self.text(self.site / "magnus/__init__.py", f'__version__ = "{version}"\n')
        self.text("/usr/bin/magnus", SCRIPT.format(python=self.python_program), mode=0o755)

    def finish(self):
        self.libraries()
        for known in subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout.split():
            if known.startswith("/") and LIBRARIES.fullmatch(os.path.basename(known)):
                self.file(known)
        self.text("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")

    def libraries(self):
        """What the files are linked to."""
        said = subprocess.run(["ldd", *self.binaries], capture_output=True, text=True).stdout
        for found in sorted(set(re.findall(r"(/\S+) \(0x", said))):
            self.file(found)

    def file(self, source, place=None):
        place = Path(place or source)
        place = Path(os.path.realpath(place.parent)) / place.name if place.parent.exists() else place
        if str(place) not in self.names and os.path.isfile(source):
            self.folders(place)
            self.names.add(str(place))
            if ".so" in place.name:
                self.binaries.append(source)
            entry = self.tar.gettarinfo(os.path.realpath(source), str(place)[1:])
            entry.type, entry.linkname = tarfile.REGTYPE, ""
            entry.mode = 0o755 if os.access(source, os.X_OK) and entry.mode & 0o111 else 0o644
            entry.size = os.path.getsize(source)
            with open(source, "rb") as data:
                self.tar.addfile(entry, data)

    def folders(self, place):
        """Those around the place: an engine makes them for root alone."""
        for folder in reversed(list(place.parents)[:-1]):
            if str(folder) not in self.names:
                self._folder(folder, 0o755)

    def text(self, place, text, mode=0o644):
        self.folders(Path(place))
        entry = tarfile.TarInfo(str(place)[1:])
        entry.size, entry.mode = len(text.encode()), mode
        self.tar.addfile(entry, io.BytesIO(text.encode()))

    def _folder(self, place, mode):
        self.names.add(str(place))
        entry = tarfile.TarInfo(str(place)[1:])
        entry.type, entry.mode = tarfile.DIRTYPE, mode
        self.tar.addfile(entry)

    def _link(self, place, target):
        entry = tarfile.TarInfo(place[1:])
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        self.tar.addfile(entry)


def _own_needs():
    """What magnus needs, as its project file says."""
    import tomllib

    project = tomllib.loads((SOURCE.parents[1] / "pyproject.toml").read_text())["project"]
    return [_name(requirement) for requirement in project["dependencies"]]


def _needed(names):
    """The distributions of these names, and all that they need."""
    found, waiting = {}, [*names]
    while waiting:
        name = waiting.pop()
        if name.lower() in found:
            continue
        found[name.lower()] = distribution = metadata.distribution(name)
        waiting += [
            _name(requirement)
            for requirement in distribution.requires or []
            if "extra ==" not in requirement and _is_installed(_name(requirement))
        ]
    return found.values()


def _is_installed(name):
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _name(requirement):
    return re.match(r"[\w.-]+", requirement)[0]
