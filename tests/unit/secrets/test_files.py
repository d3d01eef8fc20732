"""The rules of the `files` secrets provider: links of Kubernetes, line breaks, and paths that lead out."""

import os
import threading
from pathlib import Path

import pytest

from magnus.errors import SecretsError
from magnus.secrets.files import FilesOptions, FilesSecrets

VALUE = "never-to-be-seen"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "secrets"
    folder.mkdir()
    (tmp_path / "outside").write_text(VALUE)
    return folder


def secrets(folder):
    return FilesSecrets(FilesOptions(folder=str(folder)), Path.cwd())


def refusal(folder, name):
    with pytest.raises(SecretsError) as caught:
        secrets(folder).get(name)
    assert VALUE not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"a\n", "a"), (b"a\r\n", "a"), (b"a", "a"), (b"a\n\n", "a\n\n"), (b"a\nb\n", "a\nb\n"), (b"\n", ""), (b"", ""),
        (b" a \n", " a "), ("ü\n".encode(), "ü"),
    ],
)  # fmt: skip
def test_the_line_break_of_a_single_line_is_no_part_of_the_secret(folder, content, value):
    (folder / "a").write_bytes(content)
    assert secrets(folder).get("a") == value


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/passwd", "a/../../outside", "..data/a", "", ".", "a\0b", "a\ud800", ".."]
)
def test_names_that_lead_out_of_the_folder_are_refused(folder, name):
    (folder / "a").mkdir()
    assert "cannot have a secret" in refusal(folder, name)


@pytest.mark.parametrize("target", ["../outside", "{}/outside"])
def test_links_that_lead_out_of_the_folder_are_refused(folder, target):
    (folder / "a").symlink_to(target.format(folder.parent))
    (folder / "b").symlink_to(folder.parent, target_is_directory=True)
    assert "is a link out of the folder" in refusal(folder, "a")
    assert "is a link out of the folder" in refusal(folder, "b/outside")


def test_what_is_no_file_of_text_is_refused_at_once(folder):
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    (folder / "bytes").write_bytes(b"\xff" + VALUE.encode())
    (folder / "large").write_bytes(b"x" * (1 << 20) + b"x")
    (folder / "circle").symlink_to("circle")
    (folder / "nowhere").symlink_to("gone")
    assert "is no regular file" in refusal(folder, "pipe")
    assert "is a folder" in refusal(folder, "folder")
    assert "is not UTF-8 text" in refusal(folder, "bytes")
    assert "has more than 1048576 bytes" in refusal(folder, "large")
    assert "cannot be read" in refusal(folder, "circle")
    assert "has no secret 'nowhere'" in refusal(folder, "nowhere")
    assert "cannot be read" in refusal(folder, "x" * 300)
    assert "has no secret 'bytes/x'" in refusal(folder, "bytes/x")


def test_a_missing_file_and_a_missing_folder_differ(folder):
    (folder / "api_key").write_text(VALUE)
    assert "did you mean 'api_key'?" in refusal(folder, "api_kei")
    assert "does not exist\n  fix: mount the secrets there" in refusal(folder / "gone", "api_key")


def test_files_in_folders_and_names_with_a_dot_are_secrets(folder):
    (folder / "team").mkdir()
    (folder / "team/key").write_text("one")
    (folder / ".dockerconfigjson").write_text("two")
    assert [secrets(folder).get(name) for name in ("team/key", ".dockerconfigjson")] == ["one", "two"]


def test_a_secret_that_kubernetes_replaces_meanwhile_is_the_old_or_the_new_one(folder):
    """Kubernetes writes a new folder, renames the link `..data` to it, and removes the old folder."""
    values = [f"value {number}" for number in range(300)]

    def replace(number):
        new = folder / f"..{number}"
        new.mkdir()
        (new / "key").write_text(values[number])
        (folder / "..data_tmp").symlink_to(new.name)
        (folder / "..data_tmp").rename(folder / "..data")
        if number:
            (folder / f"..{number - 1}/key").unlink()
            (folder / f"..{number - 1}").rmdir()

    replace(0)
    (folder / "key").symlink_to("..data/key")
    thread = threading.Thread(target=lambda: [replace(number) for number in range(1, len(values))])
    thread.start()
    read, provider = [], secrets(folder)
    while thread.is_alive():
        read.append(values.index(provider.get("key")))
    thread.join()
    assert read == sorted(read)
    assert provider.get("key") == values[-1]
