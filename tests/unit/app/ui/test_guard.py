"""Who gets an answer: requests that read, for this machine, with the token."""

import re

import pytest

from magnus.app.ui.guard import Access, is_local

TOKEN = "a-token-of-a-test"
PATHS = [
    "/",
    "/runs.json",
    "/columns.json",
    "/runs.events",
    "/run?id=one",
    "/run.events?id=one",
    "/output.events?id=one&step=fit",
    "/compare?id=one&id=two",
]


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "127.0.0.1", "127.3.4.5", "::1"])
def test_addresses_that_no_other_machine_reaches(host):
    assert is_local(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.3", "example.com", "localhost.example.com", ""])
def test_addresses_that_other_machines_may_reach(host):
    assert not is_local(host)


@pytest.mark.parametrize(
    "text", ["localhost", "localhost:8642", "localhost.:1", "127.0.0.1:9000", "[::1]:8642", "[::1]"]
)
def test_names_of_this_machine(text):
    assert Access().is_host(text)


@pytest.mark.parametrize(
    "text",
    ["", "evil.example", "evil.example:8642", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.0.3", "[::2]",
     "localhost:80:80", "localhost/", "user@localhost", "[localhost]", "127.0.0.1 ", "::1", "0x7f.1"],
)  # fmt: skip
def test_names_of_other_machines(text):
    assert not Access(names=frozenset({"build-7"})).is_host(text)


def test_with_a_token_addresses_and_the_name_of_the_machine_are_names_of_it():
    access = Access(names=frozenset({"build-7"}), token=TOKEN)
    assert all(map(access.is_host, ("192.168.0.3:8642", "BUILD-7", "[fe80::1]", "localhost")))
    assert not access.is_host("evil.example")


def test_a_name_that_leads_here_by_dns_gets_nothing(runs, serve):
    runs.run("secret-run")
    client = serve()
    for path in PATHS:
        status, _, body = client.ask(path, host="evil.example")
        assert (status, "secret-run" in body) == (403, False)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_can_be_changed(runs, serve, method):
    runs.run("one")
    client = serve()
    before = {file: file.read_bytes() for file in runs.viewer.working_directory.rglob("*") if file.is_file()}
    for path in PATHS:
        status, headers, _ = client.ask(path, method=method)
        assert (status, headers["allow"]) == (405, "GET, HEAD")
    assert before == {file: file.read_bytes() for file in runs.viewer.working_directory.rglob("*") if file.is_file()}


def test_head_answers_like_get_without_a_body(runs, serve):
    runs.run("one")
    runs.run("two")
    client = serve()
    for path in PATHS:
        status, _, body = client.ask(path, method="HEAD")
        assert (status, body) == (200, "")


def test_other_sites_can_neither_frame_nor_read_an_answer(runs, serve):
    client = serve()
    status, headers, _ = client.ask("/")
    assert status == 200
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers
    assert client.ask("/runs.json", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")[0] == 403
    assert client.ask("/runs.json", Sec_Fetch_Site="same-site", Sec_Fetch_Mode="cors")[0] == 403
    assert client.ask("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")[0] == 200


def test_without_the_token_there_is_nothing(runs, serve):
    runs.run("secret-run")
    client = serve(Access(token=TOKEN, cookie="c"))
    for path in PATHS:
        assert client.ask(path)[0] == 403
        assert client.ask(path, Cookie="c=wrong")[0] == 403
        assert client.ask(path, Cookie="c=")[0] == 403
        assert client.ask(path, Cookie=f"d={TOKEN}")[0] == 403
        assert client.ask(path, Cookie="c=\u00fc".encode().decode("latin-1"))[0] == 403
    assert client.ask("/?token=wrong")[0] == 403
    assert client.ask(f"/?TOKEN={TOKEN}")[0] == 403
    assert client.ask("/?token=%ff%fe")[0] == 403


def test_the_token_of_the_url_becomes_a_cookie(runs, serve):
    runs.run("one")
    client = serve(Access(token=TOKEN, cookie="c"))
    status, headers, body = client.ask(f"/run?id=one&token={TOKEN}")
    assert status == 200
    assert set(headers["set-cookie"].split("; ")) == {f"c={TOKEN}", "HttpOnly", "SameSite=strict", "Path=/"}
    assert re.findall(r'href="(.*?)"', body) == ["./run?id=one"]
    assert TOKEN not in body
    status, _, body = client.ask("/run?id=one", Cookie=f"a=b; c={TOKEN}")
    assert (status, "one" in body) == (200, True)


def test_a_hostile_address_with_the_token_becomes_no_markup(serve):
    _, _, body = serve(Access(token=TOKEN)).ask(f"/%22%3E%3Cscript%3E?token={TOKEN}&x=%22%3E%3Cscript%3E")
    assert "<script>" not in body
