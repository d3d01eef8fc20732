"""The page: nothing that a run says can become a part of it."""

import json
import re
from html.parser import HTMLParser

from magnus.app.report.html_page import page
from magnus.app.report.model import Definition, Head, Report, Row, Text

HOSTILE = "</script><!-- <script> @@data@@ \u2028 ' \" & \\"


def report(text):
    head = Head(run_id=text, status="FAIL", start=text, written=text, magnus=text, message=text, tag=text)
    row = Row(-1, text, "run", "FAIL", message=text)
    return Report(head, [row], [Definition(text, text, text)], [Text(text)])


class _Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def elements(html):
    parser = _Elements()
    parser.feed(html)
    parser.close()
    return parser


def data(html):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)[1])


def test_data_come_back_as_they_were():
    found = data(page(report(HOSTILE)))
    assert found["head"]["run_id"] == found["rows"][0]["name"] == found["texts"][0]["text"] == HOSTILE


def test_no_text_changes_which_elements_there_are():
    plain, hostile = elements(page(report("x"))), elements(page(report(HOSTILE)))
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in plain.tags]


def test_text_that_utf8_cannot_hold_is_an_escape():
    html = page(report("\udcff"))
    html.encode()
    assert data(html)["head"]["tag"] == "\udcff"


def test_the_policy_names_what_is_in_the_page_and_nothing_else():
    tags = elements(page(report("x"))).tags
    [policy] = [attributes["content"] for tag, attributes in tags if "http-equiv" in attributes]
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/]+=*'; script-src 'sha256-[\w+/]+=*'; img-src data:; base-uri 'none'; form-action 'none'",
        policy,
    )


def test_nothing_is_named_that_would_be_loaded():
    html = page(report("x"))
    assert not re.search(r"(?:src|href)\s*=|url\(|@import|https?://(?!www\.w3\.org/2000/svg)", html)
