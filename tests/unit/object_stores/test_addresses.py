"""Addresses of object stores: what is wrong with one is said before anything runs, and no secret is shown."""

import os
import subprocess
import sys

import pytest
from safety_net import LONGEST_SECONDS

from magnus.definition.wrong_fields import WrongFields
from magnus.object_stores import keys
from magnus.object_stores.address import ObjectLocation, address_of, variables_of
from magnus.object_stores.client import ObstoreObjects
from magnus.object_stores.interface import ObjectStoreFailure


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/a/prefix/", "s3://bucket/a/prefix"),
        ("S3A://bucket", "s3://bucket"),
        ("gcs://bucket//x", "gs://bucket/x"),
        ("az://container/x%20y", "az://container/x y"),
        ("file:///tmp/a folder", "file:///tmp/a folder"),
    ],
)
def test_an_address_is_read(url, shown):
    assert address_of(ObjectLocation(url)).shown == shown


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("", {}, "names no object store"),
        ("bucket/prefix", {}, "names no object store"),
        ("ftp://bucket", {}, "unknown scheme 'ftp'"),
        ("s3:///prefix", {}, "no name of a bucket"),
        ("s3://-bucket", {}, "wrong name of a bucket"),
        ("s3://id:hush@bucket/x", {}, "holds credentials"),
        ("s3://id:hu/hush@bucket/x", {}, r"'s3://\*\*\*@bucket/x' has a wrong name of a bucket"),
        ("s3://[bucket/x", {}, "cannot be read"),
        ("s3://a\u2100b/x", {}, "cannot be read"),
        ("s3://bucket/\ud800", {}, "cannot be read"),
        ("file:///tmp/a%00b", {}, "a control character"),
        ("s3://bucket/a%0ab", {}, "a control character"),
        ("s3://bucket/x?sig=hush", {}, r"has a '\?'"),
        ("s3://bucket/../x", {}, "a part '.' or '..'"),
        ("s3://bucket/" + "x" * 301, {}, "more than 300 bytes"),
        ("file://host/x", {}, "names no folder"),
        ("file:///", {}, "names no folder"),
        ("az://container", {"region": "eu-west-1"}, "`region` is an option for s3:// alone"),
        ("az://container", {}, "Account must be specified"),
        ("s3://bucket", {"endpoint": "127.0.0.1:9000"}, "`endpoint` is no address"),
        ("s3://bucket", {"endpoint": "http://id:hush@host"}, "`endpoint` is no address"),
        ("s3://bucket", {"settings": {"nonsense": "hush"}}, "'nonsense' is not valid"),
    ],
)
def test_a_wrong_address_is_one_error_without_secrets(url, options, message, monkeypatch):
    for name in variables_of(address_of(ObjectLocation("az://container")), os.environ):
        monkeypatch.delenv(name)
    with pytest.raises(WrongFields, match=message) as wrong:
        ObstoreObjects(ObjectLocation(url, **options))
    [complaint] = wrong.value.complaints
    assert complaint.fix
    assert complaint.path[0] in {"url", *options}
    assert "hush" not in str(wrong.value) + complaint.fix


def test_variables_of_the_cloud_travel_alone():
    environment = {"AWS_REGION": "x", "AZURE_CLIENT_ID": "y", "HOME": "z"}
    assert variables_of(address_of(ObjectLocation("s3://b")), environment) == {"AWS_REGION": "x"}
    assert variables_of(address_of(ObjectLocation("file:///b")), environment) == {}


@pytest.mark.parametrize("text", ["", ".", "..", "a b", "A=b", "ä", "a/b", "%2f", "\udcff", "~", "a.b", ".a", "#1"])
def test_a_part_of_a_key_is_read_back(text):
    part = keys.part(text)
    assert keys.text_of(part) == text
    assert part == part.lower()
    assert not part.startswith(".")


@pytest.mark.parametrize("name", ["%ff", ".DS_Store", "~aa", "A", "a%4", "%61", keys.part("x" * 300)])
def test_a_name_that_is_no_part_has_no_text(name):
    assert keys.text_of(name) is None


def test_no_two_texts_are_one_part():
    texts = ("a", "A", "=a", "%41", "", "=", "x" * 300, "x" * 301, "~" + "x" * 64)
    assert len({keys.part(text) for text in texts}) == len(texts)


def test_a_forked_process_is_told_instead_of_left_waiting(tmp_path):
    script = f"""
import os
from magnus.object_stores.address import ObjectLocation
from magnus.object_stores.client import ObstoreObjects
objects = ObstoreObjects(ObjectLocation("file://{tmp_path}"))
objects.put("k", b"1")
if os.fork() == 0:
    try:
        objects.get("k")
    except Exception as error:
        print(error, flush=True)
    os._exit(0)
os.wait()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=LONGEST_SECONDS, check=True
    )
    assert "it was forked from a process that used an object store" in done.stdout


def test_a_machine_without_certificates_is_said(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")
    objects = ObstoreObjects(ObjectLocation("s3://bucket", access_key_id="a", secret_access_key="b"))
    with pytest.raises(ObjectStoreFailure, match="no certificates of authorities") as failed:
        objects.get("k")
    assert "ca-certificates" in failed.value.problem.fix
    assert objects.connect_problem() == failed.value.problem


def test_objects_of_a_folder_keep_their_bytes(tmp_path):
    objects = ObstoreObjects(ObjectLocation(f"file://{tmp_path}/new"))
    assert objects.get("k") is None
    assert list(objects.list("")) == []
    assert not (tmp_path / "new").exists()
    objects.upload("a/large", (bytes([number]) * 3_000_000 for number in range(5)))
    assert objects.head("a/large").size == 15_000_000
    assert objects.create("k", b"1")
    assert not objects.create("k", b"2")
    assert sorted(each.key for each in objects.list("")) == [".gitignore", "a/large", "k"]
    objects.delete(["k", "a/large", "missing"])
    assert [each.key for each in objects.list_direct("")] == [".gitignore"]
