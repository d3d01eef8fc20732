"""`magnus report`, as a user types it; what is in the page is seen by the tests in `tests/browser`."""

import json
import re

import pytest

PIPELINE = """
dag:
  start_at: say
  steps:
    say: {type: task, command_type: shell, command: "echo it is said", next: success}
"""


@pytest.fixture
def ran(folder):
    folder.write("p.yaml", PIPELINE)
    assert folder.magnus("execute", "p.yaml", "--run-id", "r1", "--x", "3").status == 0
    return folder


def data(html):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html)[1])


def test_it_is_written_to_a_file_of_the_name_of_the_run(ran):
    said = ran.magnus("report", "r1")
    assert (said.status, said.out, said.err) == (0, "wrote r1.html\n", "")
    html = (ran.path / "r1.html").read_text()
    found = data(html)
    assert (found["head"]["run_id"], found["head"]["status"]) == ("r1", "SUCCESS")
    assert found["rows"][1]["log"]["text"] == "it is said\n"
    assert html.startswith("<!doctype html>")


def test_a_file_that_is_there_is_replaced_and_nothing_else_is_left(ran):
    ran.write("out/run.html", "old")
    before = sorted(ran.path.iterdir())
    assert ran.magnus("report", "r1", "-o", "out/run.html").out == "wrote out/run.html\n"
    assert (ran.path / "out/run.html").read_text().endswith("</html>\n")
    assert [*(ran.path / "out").iterdir()] == [ran.path / "out/run.html"]
    assert sorted(ran.path.iterdir()) == before


def test_it_can_be_printed(ran):
    said = ran.magnus("report", "r1", "-o", "-")
    assert data(said.out)["head"]["run_id"] == "r1"
    assert not (ran.path / "r1.html").exists()
    assert ran.magnus("report", "r1", "-o", "/dev/null").status == 0


def test_the_configuration_says_where_the_run_is(folder):
    folder.write(
        "c.yaml", "run_log_store: {type: chunked-fs, config: {log_folder: logs}}\ncatalog: {type: do-nothing}\n"
    )
    folder.write("p.yaml", PIPELINE)
    folder.magnus("execute", "p.yaml", "-c", "c.yaml", "--run-id", "r1")
    assert folder.magnus("report", "r1").status == 2
    assert folder.magnus("report", "r1", "-c", "c.yaml").status == 0
    found = data((folder.path / "r1.html").read_text())
    assert "log" not in found["rows"][1]
    assert ["The run log", "magnus show r1 -c c.yaml"] in found["head"]["commands"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("missing",), "missing"),
        (("../r1",), "run id"),
        (("r1", "-o", "no/folder/x.html"), "there is no folder 'no/folder'"),
        (("r1", "-o", "."), "cannot be written to '.'"),
        (("r1", "-o", "p.yaml/x.html"), "cannot be written"),
        (("r1", "--pictures", "many"), "'many' is no size"),
        (("r1", "--pictures", "-1"), "'-1' is no size"),
    ],
)
def test_wrong_input_is_one_clear_error(ran, arguments, words):
    before = sorted(ran.path.rglob("*"))
    said = ran.magnus("report", *arguments)
    assert (said.status, said.out) == (2, "")
    assert words in said.err
    assert "Traceback" not in said.err
    assert sorted(ran.path.rglob("*")) == before


@pytest.mark.parametrize(
    ("size", "shown"), [("1GB", True), ("0.2 kB", True), ("200", True), ("100B", False), ("0", False)]
)
def test_pictures_are_taken_within_the_size(folder, size, shown):
    drawing = "<svg xmlns='http://www.w3.org/2000/svg'>" + " " * 80 + "</svg>"
    folder.write(
        "p.yaml", PIPELINE.replace('echo it is said"', f'printf \\"{drawing}\\" > p.svg", catalog: {{put: [p.svg]}}')
    )
    assert folder.magnus("execute", "p.yaml", "--run-id", "r1").status == 0
    assert folder.magnus("report", "r1", "--pictures", size).status == 0
    found = data((folder.path / "r1.html").read_text())
    [file] = found["rows"][1]["files"]
    assert ("image" in file, "reason" in file, len(found.get("images", []))) == (shown, not shown, int(shown))


def test_pictures_stay_out_where_an_initial_parameter_held_a_secret(folder):
    folder.write(
        "p.yaml",
        PIPELINE.replace(
            'echo it is said"', "printf '<svg>%s</svg>' $x > p.svg\", secrets: [KEY], catalog: {put: [p.svg]}"
        ),
    )
    folder.write("c.yaml", "secrets: {type: env-secrets-manager}\n")
    ran = folder.magnus(
        "execute", "p.yaml", "-c", "c.yaml", "--run-id", "r1", "--x", "hidden-value", env={"KEY": "hidden-value"}
    )
    assert ran.status == 0, ran.err
    assert folder.magnus("report", "r1", "-c", "c.yaml").status == 0
    html = (folder.path / "r1.html").read_text()
    assert "images" not in data(html)
    assert "hidden-value" not in html
