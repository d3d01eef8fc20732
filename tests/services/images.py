"""An image made without a registry: the python that runs the tests, a shell with its tools, and a wheel of magnus as it is here."""

import io
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

from magnus import __version__

SOURCE = Path(__file__).parents[2] / "src/magnus"
TOOLS = "bash sh env cat cp mkdir rm sleep ls grep sed date id find true head tr sort wc touch tee cut mv".split()
LIBRARIES = re.compile(r"lib(gcc_s|stdc\+\+|rt|dl|pthread|util|resolv|nsl|m|z|expat)\.so[.\d]*")
"""What wheels may count on, beside what their files name."""
LEFT_OUT = {"site-packages", "test", "idlelib", "ensurepip", "tkinter", "lib2to3", "turtledemo"}
ENVIRONMENT = {
    "PATH": f"{sys.base_prefix}/bin:/usr/local/bin:/usr/bin:/bin",
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": "/wheels",
    "PIP_ROOT_USER_ACTION": "ignore",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}


def filled(file, *packages):
    """Write the file system of an image to the tar file: with `packages` and what they need.

    pip in it finds magnus, in a wheel, and nothing else.
    """
    with tarfile.open(file, "w") as tar:
        contents = _Contents(tar)
        contents.python()
        for tool in TOOLS:
            contents.program(tool)
        for package in _needed([*_own_needs(), "pip", *packages]):
            contents.package(package)
        contents.wheel()
        contents.finish()


def added(file, *packages):
    """Write what `packages` and what they need add to such an image to the tar file."""
    there = {each.name for each in _needed([*_own_needs(), "pip"])}
    with tarfile.open(file, "w") as tar:
        contents = _Contents(tar)
        for package in _needed(packages):
            if package.name not in there:
                contents.package(package)
        contents.libraries()


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

    def wheel(self):
        """A wheel of magnus where pip looks for it, and the commands python and pip."""
        with tempfile.TemporaryDirectory() as folder:
            wheel = Path(folder, f"magnus-{__version__}-py3-none-any.whl")
            _wheel(wheel)
            self.file(wheel, f"/wheels/{wheel.name}")
        self.text("/usr/bin/python", f'#!/bin/sh\nexec {self.python_program} "$@"\n', mode=0o755)
        self.text("/usr/bin/pip", '#!/bin/sh\nexec python -m pip "$@"\n', mode=0o755)

    def finish(self):
        self.libraries()
        for known in subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout.split():
            if known.startswith("/") and LIBRARIES.fullmatch(os.path.basename(known)):
                self.file(known)
        self.file("/etc/ssl/certs/ca-certificates.crt")
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


def _wheel(file):
    """A wheel of magnus as it is here."""
    described = f"magnus-{__version__}.dist-info"
    needs = "".join(f"Requires-Dist: {need}\n" for need in _project()["dependencies"])
    with zipfile.ZipFile(file, "w") as wheel:
        for source in sorted(SOURCE.rglob("*")):
            if source.is_file() and "__pycache__" not in source.parts:
                wheel.write(source, f"magnus/{source.relative_to(SOURCE)}")
        wheel.writestr(f"{described}/METADATA", f"Metadata-Version: 2.1\nName: magnus\nVersion: {__version__}\n{needs}")
        wheel.writestr(f"{described}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        scripts = "".join(f"{name} = {place}\n" for name, place in _project()["scripts"].items())
        wheel.writestr(f"{described}/entry_points.txt", f"[console_scripts]\n{scripts}")
        names = [*wheel.namelist(), f"{described}/RECORD"]
        wheel.writestr(f"{described}/RECORD", "".join(f"{name},,\n" for name in names))


def _project():
    return tomllib.loads((SOURCE.parents[1] / "pyproject.toml").read_text())["project"]


def _own_needs():
    return [_name(requirement) for requirement in _project()["dependencies"]]


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
