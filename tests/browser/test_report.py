"""Reports of runs, opened in a browser as people open them: from disk."""

import json
import re
import sys
from pathlib import Path

import pytest
import report_runs as runs

from magnus.app import report as web
from magnus.app.report.html_page import page_script, page_style
from magnus.app.text.plain_text import short
from magnus.app.text.units import elapsed

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def failed(project):
    """Maps in a map with retries, and a step that fails after them."""
    return project.report("failed", runs.NESTED, "--tag", "nightly", status=1)


@pytest.fixture(scope="module")
def succeeded(project):
    return project.report("succeeded", runs.SMALL, "--x", "1", status=0)


@pytest.fixture(scope="module")
def large(project):
    file = project.folder / "large.html"
    file.write_text(runs.large(1000, 417), encoding="utf-8")
    return file


def title(page):
    return page.locator("#details h2").first.inner_text()


def row(page, name):
    return page.get_by_role("treeitem").filter(has_text=name).first


def names(page):
    return page.locator(".tree .text").all_inner_texts()


def close(page):
    page.keyboard.press("Escape")
    assert title(page) == "The run"


def test_it_opens_at_the_failed_step_with_its_failure_and_its_output(opened, failed):
    page = opened(failed)
    assert title(page) == "score"
    details = page.locator("#details")
    assert "exit status 3" in details.get_by_role("group", name="Why it failed").inner_text()
    assert "the score is too low" in details.get_by_role("region", name="Output").inner_text()
    assert page.locator("#verdict").inner_text().startswith("Failed at score")
    assert "magnus debug failed score" in details.inner_text()


def test_next_to_why_a_run_failed_are_the_commands_to_continue_with(opened, failed):
    page = opened(failed)
    close(page)
    failure = page.locator("#details").get_by_role("group", name="Why it failed")
    following = failure.locator("xpath=following-sibling::*[1]")
    assert following.locator(".label, code").all_inner_texts() == [
        "Debug the step that failed",
        "magnus debug failed score",
        "Resume where it stopped",
        "magnus retry failed",
        "Read its output",
        "magnus logs failed score",
    ]
    assert page.locator("#details").inner_text().count("magnus retry failed") == 1


def step(page, path):
    return page.locator(f'.magnus-graph [data-path="{path}"]')


def test_the_failed_step_is_opened_from_the_picture_the_list_and_the_timeline(opened, failed):
    page = opened(failed)
    close(page)
    step(page, "score").click()
    assert title(page) == "score"
    close(page)
    row(page, "score").locator(".text").click()
    assert title(page) == "score"
    close(page)
    row(page, "score").locator(".attempt.FAIL").click()
    assert title(page) == "score"
    close(page)
    page.locator("#verdict").click()
    assert title(page) == "score"


def test_the_head_says_what_ran_and_how_it_ended(opened, failed):
    page = opened(failed)
    head = page.locator("header.top").inner_text()
    for text in ("failed", "Nightly training", "Trains a model for every region and season.", "nightly"):
        assert text in head
    close(page)
    run = page.locator("#details").inner_text()
    for text in (
        "magnus retry failed",
        "magnus diff failed",
        "run_log_store",
        "packages_hash",
        '"north"',
        "pipeline_file",
    ):
        assert text in run


def unfold(page, name):
    row(page, name).locator(".twist").click()


def test_a_map_in_a_map_is_nested_and_its_retries_are_seen(opened, failed):
    page = opened(failed)
    assert names(page) == ["Nightly training", "load", "regions", "keep", "score"]
    unfold(page, "regions")
    assert names(page)[2:8] == ["regions", "north", "seasons", "each season", "south", "seasons"]
    unfold(page, "each season")
    assert names(page)[5:8] == ["each season", "1", "2"]
    fit = row(page, "fit")
    assert fit.get_attribute("aria-level") == "5"
    assert fit.get_attribute("aria-label").startswith("1, fit, task, succeeded")
    assert fit.locator(".attempt").count() == 2
    assert fit.locator(".attempt.FAIL").count() == 1
    fit.click()
    assert title(page) == "fit"
    attempts = page.locator(".attempts li").all_inner_texts()
    assert len(attempts) == 2
    assert "exit status 1" in attempts[0]
    assert page.locator("#details nav").inner_text().split("/")[1:3] == ["\nregions\n", "\nnorth\n"]


def test_the_picture_shows_what_became_of_each_step_and_of_all_branches_of_a_map(opened, failed):
    page = opened(failed)
    looks = {path: step(page, path).get_attribute("class") for path in ("load", "regions", "score", "publish")}
    classes = ("succeeded", "succeeded", "failed", "waiting")
    assert all(css in look.split() for css, look in zip(classes, looks.values(), strict=True)), looks
    assert "chosen" in looks["score"].split()
    fit = step(page, "regions/%2A/each%20season/%2A/fit")
    assert "4 succeeded" in fit.text_content()
    fit.click()
    assert title(page) == "fit"
    before = page.locator(".magnus-graph").get_attribute("viewBox")
    page.get_by_role("button", name="Zoom in").click()
    page.mouse.wheel(0, 40)
    assert page.locator(".magnus-graph").get_attribute("viewBox") != before


def test_parameters_files_and_code_of_a_step_are_shown(opened, failed, succeeded):
    page = opened(failed)
    row(page, "keep").click()
    files = page.locator("#details .files").inner_text()
    assert "kept.txt" in files
    assert "5 B" in files
    page = opened(succeeded)
    row(page, "one").click()
    text = page.locator("#details").inner_text()
    assert "lambda x: {'y': x + 1}" in text
    assert text.index("Parameters in") < text.index("Parameters out")


def test_keys_walk_open_search_and_close(opened, failed):
    page = opened(failed)
    close(page)
    page.keyboard.press("Home")
    for key in ("j", "ArrowDown", "ArrowDown", "k", "ArrowUp", "j"):
        page.keyboard.press(key)
    cursor = page.locator(".row.cursor .text")
    assert cursor.inner_text() == "regions"
    page.keyboard.press("ArrowRight")
    assert "north" in names(page)
    page.keyboard.press("ArrowLeft")
    assert "north" not in names(page)
    page.keyboard.press("Enter")
    assert title(page) == "regions"
    assert page.evaluate("document.activeElement.id") == "details"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "steps"
    page.keyboard.press("f")
    assert title(page) == "score"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"


def test_what_has_the_focus_is_seen(opened, succeeded):
    page = opened(succeeded)
    page.keyboard.press("Home")
    assert page.locator(".row.cursor").evaluate("row => getComputedStyle(row).boxShadow") != "none"
    seen = 0
    for _ in range(12):
        page.keyboard.press("Tab")
        style = page.evaluate(
            "(({outlineStyle, outlineWidth}) => [outlineStyle, outlineWidth])(getComputedStyle(document.activeElement))"
        )
        name = page.evaluate("document.activeElement.tagName + ' ' + document.activeElement.id")
        if name.startswith(("DIV steps", "BODY")):
            continue
        assert style == ["solid", "2px"], name
        seen += 1
    assert seen > 5


def test_a_search_shows_what_is_found_and_where_it_is(opened, failed):
    page = opened(failed)
    page.keyboard.press("/")
    page.keyboard.type("FIT")
    assert page.get_by_role("status").inner_text() == "4 steps"
    assert "score" not in names(page)
    assert {"regions", "north", "south", "each season"} <= set(names(page))
    page.keyboard.press("Enter")
    assert title(page) == "fit"
    page.keyboard.press("Escape")
    assert "score" in names(page)
    page.locator("[data-filter=retried]").click()
    assert page.get_by_role("treeitem").filter(has_text="2 attempts").count() == 4
    assert "keep" not in names(page)


def test_dark_and_light_are_as_the_system_says_or_as_is_chosen(opened, succeeded):
    page = opened(succeeded, color_scheme="dark")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    dark = page.evaluate(background)
    assert brightness(page.evaluate(background)) < 60
    page.emulate_media(color_scheme="light")
    page.locator("html[data-theme=light]").wait_for(state="attached")
    assert brightness(page.evaluate(background)) > 200
    page.locator("#theme").click()
    assert page.evaluate(background) == dark
    page.reload()
    assert page.evaluate(background) == dark


def brightness(colour):
    return sum(map(int, colour.strip("rgb()").split(","))) / 3


def test_on_paper_everything_is_there_and_light(opened, failed):
    page = opened(failed, color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    page.locator(".on-paper").wait_for()
    text = page.inner_text("body")
    assert "regions / north / each season / 1 / fit" in text
    assert "the score is too low" in text
    assert "magnus retry failed" in text
    assert brightness(page.evaluate("getComputedStyle(document.documentElement).backgroundColor")) == 255
    assert not page.locator("#search").is_visible()
    page.emulate_media(media="screen")
    page.locator(".on-paper").wait_for(state="detached")
    assert page.pdf()[:4] == b"%PDF"


def test_text_of_users_is_text(opened, project):
    page = opened(
        project.report("hostile", runs.HOSTILE, "--value", runs.HOSTILE_VALUE, "--tag", runs.HOSTILE_NAME, status=1)
    )
    assert title(page) == runs.HOSTILE_NAME
    assert runs.HOSTILE_VALUE in page.get_by_role("region", name="Output").inner_text()
    assert runs.HOSTILE_NAME in page.locator("header.top").inner_text()
    close(page)
    for line in page.get_by_role("treeitem").all():
        line.click()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, iframe, object, a").count() == 0


def test_nothing_can_be_fetched_or_run_beside_its_own_script(browser, succeeded):
    page = browser.new_page()
    page.goto(succeeded.as_uri())
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.hacked = 1'}))"
    )
    assert page.evaluate("window.hacked") is None
    refused = page.evaluate("fetch('data:text/plain,x').then(() => 'fetched', () => 'refused')")
    assert refused == "refused"
    page.close()


def test_a_run_that_is_lost_says_so_and_where(opened, project):
    page = opened(project.report("killed", runs.KILLED, status=-9))
    assert page.locator("#verdict").inner_text().startswith("Lost in killer")
    assert page.locator("header.top .badge").inner_text().endswith("lost")
    assert row(page, "killer").get_attribute("aria-label").startswith("killer, task, lost")
    close(page)
    assert "magnus retry killed" in page.locator("#details").inner_text()


def test_a_run_that_goes_on_says_so(opened, project):
    project.report("going", runs.GOING_ON, "--python", sys.executable, report=False, status=0)
    page = opened(project.folder / "going.html")
    assert "still running" in page.locator("#verdict").inner_text()
    assert row(page, "look").get_attribute("aria-label").startswith("look, task, running")
    assert page.locator(".attempt.PROCESSING").count() == 1


def test_without_a_picture_everything_else_is_there(opened, project):
    file = project.folder / "plain.html"
    file.write_text(runs.large(3, 1, compiles=False), encoding="utf-8")
    page = opened(file)
    assert page.locator("svg").count() == 0
    assert title(page) == "fit"
    assert names(page) == ["large.yaml", "make", "each", "0", "fit", "score", "1", "fit", "2", "fit", "score"]


def test_a_run_that_went_on_shows_what_it_took_over(opened, project, failed):
    project.magnus("retry", "failed", "--run-id", "again", status=1)
    project.magnus("report", "again")
    page = opened(project.folder / "again.html")
    assert row(page, "keep").get_attribute("aria-label") == "keep, task, reused"
    close(page)
    assert "magnus diff failed again" in page.locator("#details").inner_text()


def test_two_thousand_steps_open_at_the_one_that_failed_and_stay_quick(opened, large):
    page = opened(large)
    assert title(page) == "fit"
    assert row(page, "417").get_attribute("aria-posinset") == "418"
    assert page.get_by_role("treeitem").count() < 80
    assert page.locator("*").count() < 1500
    page.keyboard.press("End")
    assert page.locator(".row.cursor .text").inner_text() == "999"
    page.keyboard.press("ArrowRight")
    assert names(page)[-2:] == ["fit", "score"]
    page.keyboard.press("/")
    page.keyboard.type("each / 73")
    assert page.get_by_role("status").inner_text() == "22 steps"
    page.keyboard.press("Escape")
    assert "1 failed, 999 succeeded" in step(page, "each/%2A/fit").text_content()
    page.locator("[data-filter=failed]").click()
    assert names(page) == ["large.yaml", "each", "417", "fit"]
    step(page, "each").locator(".name").first.click()
    assert "1 failed, 1,998 succeeded" in page.locator("#details").inner_text()


def test_in_a_narrow_window_details_cover_the_list_until_they_are_closed(opened, failed):
    page = opened(failed, width=480, height=800)
    assert not page.locator("#details").is_visible()
    page.locator("#verdict").click()
    assert page.locator("#details").is_visible()
    page.get_by_role("button", name="Close").click()
    assert not page.locator("#details").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 480


def test_a_command_is_copied(opened, succeeded):
    page = opened(succeeded, permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the command").first.click()
    assert page.evaluate("navigator.clipboard.readText()") == "magnus execute succeeded.yaml --x 1"


def test_roles_name_what_a_screen_reader_reads(opened, failed):
    page = opened(failed)
    tree = page.get_by_role("tree", name="Steps")
    assert page.locator(f"#{tree.get_attribute('aria-activedescendant')}").get_attribute("aria-selected") == "true"
    assert row(page, "score").get_attribute("aria-label").startswith("score, task, failed")
    assert row(page, "regions").get_attribute("aria-expanded") == "false"
    unnamed = "[...document.querySelectorAll('button')].filter(it => !(it.textContent.trim() || it.ariaLabel)).length"
    assert page.evaluate(unnamed) == 0


@pytest.fixture(scope="module")
def fits(project):
    """A map over mappings with metrics, some of them by step, and pictures."""
    (project.folder / "fits.py").write_text(runs.FITS_CODE)
    return project.report("fits", runs.FITS, status=0)


def sheet(page):
    return [line.split("\t") for line in page.locator(".branch-table table").first.inner_text().splitlines() if line]


def column(page, name):
    heads = page.locator(".branch-table thead th .sort").all_inner_texts()
    place = next(number for number, head in enumerate(heads) if head.split(" ")[0] == name)
    return page.locator(f".branch-table tbody tr > :nth-child({place + 1})").all_inner_texts()


def test_branches_of_a_map_are_called_by_the_keys_that_differ(opened, fits):
    page = opened(fits)
    assert names(page) == ["Search", "grid", "each setting", "score"]
    unfold(page, "each setting")
    assert names(page)[3:7] == [f"rate={rate} depth={depth}" for rate in (0.1, 0.01) for depth in (2, 4)]


def test_the_run_shows_metrics_first_then_pictures_files_parameters_and_commands(opened, fits):
    page = opened(fits)
    titles = page.locator("#details section > h3").all_inner_texts()
    assert titles[:5] == ["Metrics", "Pictures", "Files", "Parameters at the end", "Commands"]


def test_metrics_of_a_map_are_a_table_that_is_sorted_with_the_best_marked(opened, fits):
    page = opened(fits)
    heads = page.locator(".branch-table thead th .sort").all_inner_texts()
    assert [head.split(" ")[0] for head in heads] == [
        "setting",
        "rate",
        "depth",
        "train_loss",
        "val_loss",
        "accuracy",
        "text",
        "took",
        "status",
    ]
    assert column(page, "depth") == ["2", "4", "2", "4"]
    assert page.locator(".branch-table tr.best").count() == 1
    page.get_by_role("button", name="val_loss", exact=True).click()
    values = [float(text.split()[-1]) for text in column(page, "val_loss")]
    assert values == sorted(values)
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "ascending"
    assert "best" in column(page, "val_loss")[0]
    page.get_by_role("button", name="The best val_loss is the lowest").click()
    assert "best" in column(page, "val_loss")[-1]
    assert page.evaluate("document.activeElement.textContent") == "max"
    page.get_by_role("button", name="accuracy", exact=True).click()
    values = [float(text.split()[-1]) for text in column(page, "accuracy")]
    assert values == sorted(values, reverse=True)
    page.locator(".branch-table tbody button").first.click()
    assert title(page) == "fit"


def test_metrics_by_step_are_lines_with_axes_and_their_values(opened, fits):
    page = opened(fits)
    chart = page.get_by_role("img", name="train_loss")
    assert chart.locator("path").count() == 4
    assert chart.locator(".tick").count() > 5
    unfold(page, "each setting")
    row(page, "rate=0.1 depth=2").click()
    chart = page.get_by_role("img", name="train_loss, val_loss: train_loss from 0.5 at step 0 to")
    assert chart.locator("path").count() == 2
    assert page.locator(".keys-of-lines li").all_inner_texts() == ["train_loss", "val_loss"]
    page.locator(".chart-of summary").click()
    page.locator(".chart-of tbody tr").last.wait_for()
    assert page.locator(".chart-of tbody tr").count() == 20
    chart.hover()
    assert page.locator(".readout").inner_text().startswith("step ")


def test_pictures_are_small_and_open_large(opened, fits):
    page = opened(fits)
    thumbnails = page.locator(".thumbnail")
    assert thumbnails.count() == 5
    for image in page.locator(".thumbnail img").all():
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    assert "fake.png" in page.locator(".missing").inner_text()
    assert "it is no PNG picture" in page.locator(".missing").inner_text()
    thumbnails.first.click()
    dialog = page.get_by_role("dialog", name="Picture")
    first = dialog.locator(".caption").inner_text()
    assert "(1 of 5)" in first
    page.keyboard.press("ArrowRight")
    assert "(2 of 5)" in dialog.locator(".caption").inner_text()
    page.keyboard.press("Escape")
    assert dialog.count() == 0
    assert title(page) == "The run"
    assert page.evaluate("document.activeElement.className") == "thumbnail"


def test_without_a_budget_pictures_are_named(opened, project, fits):
    project.magnus("report", "fits", "--pictures", "0", "-o", "without.html")
    page = opened(project.folder / "without.html")
    assert page.locator("img").count() == 0
    assert page.locator(".missing li").count() == 6
    assert (project.folder / "without.html").stat().st_size < fits.stat().st_size


def test_the_axis_says_when_the_run_ended(opened, failed):
    page = opened(failed)
    last = page.locator(".axis .last")
    assert last.inner_text() == page.locator(".row .took").first.inner_text()
    place = last.bounding_box()
    axis = page.locator(".axis").bounding_box()
    assert abs(place["x"] + place["width"] - axis["x"] - axis["width"]) < 3


def test_in_a_phone_there_is_no_timeline_and_the_banner_wraps(opened, failed):
    page = opened(failed, width=420, height=800)
    assert not page.locator(".axis").is_visible()
    assert not page.locator(".row .track").first.is_visible()
    assert page.locator("#verdict").bounding_box()["width"] <= 420
    assert page.evaluate("document.documentElement.scrollWidth") <= 420


@pytest.mark.parametrize("width", [420, 800, 1440, 1920])
def test_the_whole_pipeline_is_in_view_at_first(opened, failed, width):
    page = opened(failed, width=width, height=900)
    stage = page.locator(".stage").bounding_box()
    for node in page.locator(".magnus-graph [data-path]").all():
        place = node.bounding_box()
        assert place["x"] >= stage["x"] - 1
        assert place["x"] + place["width"] <= stage["x"] + stage["width"] + 1
        assert place["y"] >= stage["y"] - 1
        assert place["y"] + place["height"] <= stage["y"] + stage["height"] + 1


def test_names_of_data_are_on_edges_on_demand(opened, fits):
    page = opened(fits)
    assert page.locator(".magnus-graph .data").count() == 0
    page.get_by_role("button", name="Show the data that flows").click()
    texts = page.locator(".magnus-graph .data").all_text_contents()
    assert "settings" in texts
    assert any(text.startswith("files: ") for text in texts)


def test_a_newer_report_leaves_everything_where_it_was(opened, project, fits):
    """As a page that follows a run gives it: with more rows, and later ones done."""
    document = data_of(fits)
    steps = [number for number, one in enumerate(document["rows"]) if one["type"] == "task"]
    older = {
        **document,
        "rows": document["rows"][: steps[-1]],
        "head": {**document["head"], "status": "PROCESSING", "end": ""},
    }
    older["rows"] = [
        {**one, "status": "PROCESSING" if number in {0, 2} else one["status"]}
        for number, one in enumerate(older["rows"])
    ]
    del older["rows"][0]["end"]
    script = page_script().removesuffix("})();\n") + "window.runPage = new RunPage();\n})();"
    file = project.folder / "live.html"
    file.write_text(
        f"<!doctype html><html lang=en><title>live</title><style>{page_style()}</style><body><script>{script}</script>"
    )
    page = opened(file)
    page.evaluate("report => runPage.show(report)", older)
    assert names(page)[2:] == [
        "each setting",
        *(f"rate={rate} depth={depth}" for rate in (0.1, 0.01) for depth in (2, 4)),
    ]
    row(page, "rate=0.01 depth=2").click()
    unfold(page, "each setting")
    page.locator("#details summary").first.click()
    page.locator("#details").evaluate("pane => pane.scrollTop = 120")
    scroll = page.locator("#details").evaluate("pane => pane.scrollTop")
    page.evaluate("report => runPage.show(report)", document)
    assert names(page) == ["Search", "grid", "each setting", "score"]
    assert title(page) == "fit"
    assert page.locator("#details .crumbs").inner_text().count("rate=0.01 depth=2") == 1
    assert page.locator("#details details").first.get_attribute("open") is not None
    assert page.locator("#details").evaluate("pane => pane.scrollTop") == scroll
    assert page.locator("header.top .badge").inner_text().endswith("succeeded")


def data_of(file):
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', file.read_text(), re.DOTALL)[1]
    )


BIDI = "safe\u202egnp exe\u2066"
WILD = f"""
dag:
  start_at: "{BIDI}"
  steps:
    "{BIDI}":
      type: task
      command_type: shell
      command: |
        awk 'BEGIN {{ while (i++ < 60000) printf "x" }}'
        printf '\\n\\342\\200\\256abc\\n'
      next: success
"""


def test_characters_that_reverse_text_are_escapes_and_long_lines_stay_inside(opened, project):
    page = opened(project.report("wild", WILD, "--long", "y" * 5_000, status=0), width=800)
    text = page.locator("body").inner_text()
    assert "safe\\u202egnp exe\\u2066" in text
    row(page, "safe").click()
    assert not set("\u202e\u2066") & set(page.locator("body").inner_text() + page.locator("svg").first.text_content())
    assert page.evaluate("document.documentElement.scrollWidth") <= 800


HOSTILE_CODE = """
from magnus import track_this

def work(setting):
    track_this(**{"</script><b>": 1.5})
    track_this(step=1, **{"<i>loss": 1.0})
    track_this(step=2, **{"<i>loss": 0.5})
    with open("<img onerror=alert(5)>" + str(setting["</script>"]) + ".svg", "w") as file:
        file.write("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(6)'><script>window.hacked = 1; alert(7)</script></svg>")
"""

HOSTILE_MAP = """
dag:
  steps:
    each:
      type: map
      iterate_on: xs
      iterate_as: setting
      branch: {command: hostile_work.work, catalog: {put: ["*.svg"]}}
"""


def test_names_and_pictures_of_users_run_nothing(opened, project):
    (project.folder / "hostile_work.py").write_text(HOSTILE_CODE)
    elements = json.dumps([{"</script>": "<svg onload=alert(8)>1"}, {"</script>": "2"}])
    page = opened(project.report("hostile-map", HOSTILE_MAP, "--xs", elements, status=0))
    heads = page.locator(".branch-table thead th .sort").all_inner_texts()
    assert {"</script>", "</script><b>", "<i>loss"} <= {head.rpartition(" ▴")[0] or head for head in heads}
    unfold(page, "each")
    assert any("<svg onload=alert(8)>1" in name for name in names(page))
    page.locator(".thumbnail").first.click()
    assert "<img onerror=alert(5)>" in page.get_by_role("dialog", name="Picture").inner_text()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Show the data that flows").click()
    assert page.evaluate("window.hacked") is None
    assert page.locator("iframe, object, a, b, #details i:not(.keys-of-lines i)").count() == 0


def test_ten_thousand_elements_open_and_are_sorted(opened, project):
    file = project.folder / "many.html"
    file.write_text(runs.large(10_000, 4_170), encoding="utf-8")
    page = opened(file)
    assert title(page) == "fit"
    assert page.get_by_role("treeitem").count() < 80
    page.locator("[data-filter=failed]").click()
    assert names(page) == ["large.yaml", "each", "4170", "fit"]


DURATIONS = (
    0.0,
    0.42,
    9.9,
    10.4,
    250,
    999.4,
    999.6,
    1000,
    9940,
    9960,
    59_600,
    185_000,
    3_599_600,
    7_800_000,
    86_400_000,
)
CUT = (
    "[1, 2, 3, 4, 5]",
    '{"a": [1, 2], "b": {"c": 1234567}}',
    '"some long text"',
    '["a, b", "c, d"]',
    "plain, long text",
)


def test_durations_and_short_values_are_those_of_the_command_line(opened, failed):
    page, base = opened(failed), (Path(web.__file__).parent / "web/base.js").read_text()
    expression = (
        "([durations, cuts]) => { %s return [durations.map(duration), cuts.map(([text, most]) => short(text, most))]; }"
    )
    cuts = [(text, most) for text in CUT for most in range(12, 36)]
    durations, shortened = page.evaluate(expression % base, [DURATIONS, cuts])
    assert durations == [elapsed(milliseconds / 1000) for milliseconds in DURATIONS]
    assert shortened == [short(text, most) for text, most in cuts]
    assert all(len(cut) <= most for cut, (_, most) in zip(shortened, cuts, strict=True))
