"""The report in a real browser: it loads, folds, tells, sorts, and can be used without a mouse.

Chromium is driven by Playwright; where either is missing these tests are skipped.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sweeps import sweep

import archc
from archc.api import Architecture
from archc.backends.report import complaint
from archc.diagnostics import SpecError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

NETWORKS = ("resnet50", "inception_v3", "resnet1202")
QUICK = ("resnet50", "resnet50+plain34")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start a headless Chromium; skip where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="no Playwright to drive a browser")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"no browser on PATH: none of {', '.join(BROWSERS)}")
    flags = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=flags)
        yield started
        started.close()


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Architecture, Path]]:
    """Return networks and the files of their reports, each written once."""
    made: dict[str, tuple[Architecture, Path]] = {}

    def report(name: str) -> tuple[Architecture, Path]:
        if name not in made:
            first, *others = (archc.compile(each) for each in name.split("+"))
            path = tmp_path_factory.mktemp("report") / f"{name}.html"
            path.write_text(first.report(*others), encoding="utf-8")
            made[name] = first, path
        return made[name]

    return report


@pytest.fixture
def visit(
    browser: Browser, reports: Callable[[str], tuple[Architecture, Path]]
) -> Iterator[Callable[..., tuple[Architecture, Page]]]:
    """Return what opens a report, and holds it in the end to having said and loaded nothing."""
    said: list[str] = []
    contexts = []

    def opened(name: str, **options: Any) -> tuple[Architecture, Page]:
        arch, path = reports(name)
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 1000}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: _note(request.url, said))
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]")
        return arch, page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


def _note(url: str, said: list[str]) -> None:
    if not url.startswith(("file:", "data:")):
        said.append(url)


Visit = Callable[..., tuple[Architecture, "Page"]]


def told(page: Page) -> dict[str, str]:
    """Return what the panel says of a box."""
    script = "all => Object.fromEntries(all.map(each => [each.dataset.field, each.textContent]))"
    found: dict[str, str] = page.eval_on_selector_all("#details dd", script)
    return found


def records(page: Page) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(page.locator("#data").inner_text())["records"]
    return found


def column(table: Locator, number: int) -> list[str]:
    cells = table.locator(f"tbody tr > :nth-child({number})")
    return [text.strip() for text in cells.all_text_contents()]


@pytest.mark.parametrize("name", sweep(NETWORKS, QUICK))
def test_it_loads_quickly(name: str, visit: Visit) -> None:
    start = time.perf_counter()
    _, page = visit(name)

    assert time.perf_counter() - start < 10  # under a second; a loaded machine takes longer
    assert page.locator("h1").inner_text() == name
    assert page.locator(".viewport").is_visible()


@pytest.mark.parametrize("name", sweep(NETWORKS, QUICK))
def test_stages_and_blocks_fold(name: str, visit: Visit) -> None:
    _, page = visit(name)
    folding = page.locator(".canvas details")

    def opened() -> int:
        return page.locator(".canvas details[open]").count()

    page.click("[data-level=stages]")
    assert opened() == 0
    drawings = page.locator(".canvas details .drawing:visible")
    assert drawings.count() == 0
    page.click("[data-level=layers]")
    assert opened() == folding.count() > 0
    assert drawings.count() > 2
    assert page.locator("[data-level=layers]").get_attribute("aria-pressed") == "true"
    page.click("[data-level=blocks]")
    head = folding.first.locator("> summary")
    before = folding.first.evaluate("each => each.open")
    for key in ("Enter", "Space"):
        head.press(key)
        assert folding.first.evaluate("each => each.open") is not before
        head.press(key)
        assert folding.first.evaluate("each => each.open") is before
    head.click()
    assert folding.first.evaluate("each => each.open") is not before


@pytest.mark.parametrize("name", sweep(NETWORKS, QUICK))
def test_pointing_tells_the_figures(name: str, visit: Visit) -> None:
    """Every box that is drawn, pointed at in turn, says what the network itself says."""
    arch, page = visit(name)
    page.click("[data-level=layers]")
    page.click("[data-zoom=fit]")
    graph, known = arch.graph.nodes, records(page)
    seen = 0
    for box in page.locator(".canvas g[data-k]").all()[:40]:
        record = known[box.get_attribute("data-k") or ""]
        box.dispatch_event("pointermove", {"bubbles": True, "clientX": seen + 1})
        said = told(page)
        assert said["path"] == record["path"]
        node = graph.get(record["path"])
        if node is None:
            continue
        seen += 1
        assert said["output"].split(", ")[0] == str(node["shape"])
        assert said["MACs"] == f"{node['macs']:,}"
        assert said["spec"].endswith(f"line {node['span'].line}")
        marked = page.locator("#spec .on").all_text_contents()
        line = node["span"].source.line(node["span"].line)
        assert marked[0].rstrip("\n") == line
    assert seen > 4


def test_a_real_mouse_points_and_a_click_holds(visit: Visit) -> None:
    arch, page = visit("resnet50")
    page.locator(".stage").first.locator("summary").click()
    boxes = page.locator(".stage").first.locator("g.node[data-k]")
    boxes.nth(0).hover()
    said = told(page)
    conv = arch.graph.nodes["conv1"]
    assert (said["output"], said["MACs"], said["receptive field"], said["effective stride"]) == (
        str(conv["shape"]), "118,013,952", "7", "2",
    )  # fmt: skip
    boxes.nth(1).hover()
    assert told(page)["path"] == "maxpool"
    boxes.nth(0).focus()  # what a key goes to is not taken back by a pointer at rest
    assert told(page)["path"] == "conv1"
    boxes.nth(0).click()
    boxes.nth(1).hover()
    assert told(page)["path"] == "conv1"
    page.keyboard.press("Escape")
    page.locator("h1").hover()
    boxes.nth(1).hover()
    assert told(page)["path"] == "maxpool"


@pytest.mark.parametrize("name", sweep(NETWORKS, QUICK))
def test_keys_go_from_box_to_box(name: str, visit: Visit) -> None:
    _, page = visit(name)
    page.click("[data-level=layers]")
    drawing = page.locator(".canvas .block svg").first
    boxes = drawing.locator("g[data-k]")
    keys = [box.get_attribute("data-k") for box in boxes.all()]
    stops = [box.get_attribute("tabindex") for box in boxes.all()]
    assert stops == ["0", *["-1"] * (len(keys) - 1)]
    known = records(page)
    boxes.first.focus()
    for key, at in (("ArrowDown", 1), ("ArrowUp", 0), ("End", -1), ("Home", 0)):
        page.keyboard.press(key)
        assert told(page)["path"] == known[keys[at] or ""]["path"]
    inside = page.evaluate(
        "() => { const b = document.activeElement.getBoundingClientRect(),"
        " v = document.querySelector('.viewport').getBoundingClientRect();"
        " return b.top >= v.top - 1 && b.bottom <= v.bottom + 1 }"
    )
    assert inside


def test_tab_reaches_everything_in_order(visit: Visit) -> None:
    _, page = visit("resnet50")
    reached = []
    for _ in range(24):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "() => { const e = document.activeElement;"
                " return e.tagName == 'SUMMARY' ? e.tagName : e.id || e.dataset.level || e.dataset.zoom || e.className || e.tagName }"
            )
        )
    for what in ("skip", "theme", "stages", "layers", "in", "fit", "viewport", "SUMMARY"):
        assert what in reached, reached
    assert reached.index("theme") < reached.index("stages") < reached.index("viewport")
    outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


@pytest.mark.parametrize("name", sweep(NETWORKS, QUICK))
def test_the_diagram_moves_and_zooms(name: str, visit: Visit) -> None:
    _, page = visit(name)
    canvas = page.locator(".canvas")

    def place() -> tuple[float, float, float]:
        box = canvas.bounding_box()
        assert box is not None
        return box["x"], box["y"], box["width"]

    x, y, width = place()
    page.click("[data-zoom=in]")
    assert place()[2] > width * 1.2
    page.click("[data-zoom=reset]")
    x, y, width = place()
    page.locator(".viewport").focus()
    page.keyboard.press("ArrowDown")
    assert place()[1] < y - 30
    view = page.locator(".viewport").bounding_box()
    assert view is not None
    page.mouse.move(view["x"] + 20, view["y"] + 300)
    page.mouse.down()
    page.mouse.move(view["x"] + 80, view["y"] + 330, steps=4)
    page.mouse.up()
    assert place()[0] == pytest.approx(x + 60, abs=2)
    page.keyboard.press("0")
    page.wait_for_timeout(100)
    box = canvas.bounding_box()
    assert box is not None
    assert box["height"] <= view["height"] + 2


@pytest.mark.parametrize("name", sweep(NETWORKS, QUICK))
def test_tables_sort(name: str, visit: Visit) -> None:
    """By the mouse, by Enter and by Space, numbers as numbers."""
    _, page = visit(name)
    table = page.locator("#tables table.sortable").first
    titles = [t.strip() for t in table.locator("thead th").all_text_contents()]
    at = titles.index("params") + 1
    head = table.locator("thead th").nth(at - 1)
    start = column(table, at)
    numbers = sorted(int(text.replace(",", "")) for text in start)
    head.click()
    assert [int(text.replace(",", "")) for text in column(table, at)] == numbers
    assert head.get_attribute("aria-sort") == "ascending"
    head.press("Enter")
    assert [int(text.replace(",", "")) for text in column(table, at)] == numbers[::-1]
    head.press("Space")
    assert [int(text.replace(",", "")) for text in column(table, at)] == numbers
    memory = titles.index("training") + 1
    table.locator("thead th").nth(memory - 1).press("Enter")
    sizes = table.locator(f"tbody tr > :nth-child({memory})")
    held = [int(cell.get_attribute("data-sort") or 0) for cell in sizes.all()]
    assert held == sorted(held)
    assert table.locator("tfoot").inner_text().startswith("total")


def test_a_claim_shows_its_line(visit: Visit) -> None:
    arch, page = visit("resnet50")
    button = page.locator("#claims .at").first
    number = int(re.sub(r"\D", "", button.inner_text()))
    button.press("Enter")
    marked = page.locator("#spec .on").first
    assert marked.text_content() == arch.network.document.name.span.source.line(number) + "\n"
    assert marked.is_visible()
    assert page.locator("#claims td", has_text="holds").count() > 0


@pytest.mark.parametrize("name", sweep([*NETWORKS, "resnet50+plain34"], QUICK))
def test_a_phone_has_no_page_to_push_sideways(name: str, visit: Visit) -> None:
    _, page = visit(name, viewport={"width": 375, "height": 740}, has_touch=True, is_mobile=True)
    for level in ("stages", "blocks", "layers"):
        page.click(f"[data-level={level}]")
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.eval_on_selector_all("#tables details", "all => all.forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.click("[data-level=stages]")
    page.locator(".canvas summary").nth(1).tap()
    assert told(page)["output"]
    panel = page.locator("#details").bounding_box()
    assert panel is not None
    assert 0 < panel["y"] < panel["y"] + panel["height"] <= 740
    page.locator("#details .close").tap()
    assert told(page) == {}


def test_colours_follow_the_reader(visit: Visit) -> None:
    def background(page: Page) -> str:
        found: str = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        return found

    def fill(page: Page) -> str:
        script = "each => getComputedStyle(each).fill"
        found: str = page.locator(".canvas g.node > path").first.evaluate(script)
        return found

    _, light = visit("resnet50", color_scheme="light")
    _, dark = visit("resnet50", color_scheme="dark")
    assert background(light) == "rgb(255, 255, 255)" != background(dark)
    assert fill(light) != fill(dark)
    there = background(dark), fill(dark)
    dark.click("#theme")
    assert (background(dark), fill(dark)) == (background(light), fill(light))
    light.click("#theme")
    assert (background(light), fill(light)) == there
    light.emulate_media(media="print")
    assert background(light) == "rgb(255, 255, 255)"
    assert not light.locator(".bar").is_visible()


def test_several_networks_in_one_page(visit: Visit) -> None:
    _, page = visit("resnet50+plain34")
    assert page.locator(".network").count() == 2
    one, two = (page.locator(".network").nth(k).bounding_box() for k in (0, 1))
    assert one is not None
    assert two is not None
    assert one["x"] + one["width"] <= two["x"] + 1
    table = page.locator("#summary table")
    assert column(table, 1) == ["resnet50", "plain34"]
    table.locator("thead th").nth(4).click()
    assert column(table, 1) == ["plain34", "resnet50"]
    assert page.locator("#charts table.params").count() == 2


def test_a_watched_page_loads_itself_anew(browser: Browser, tmp_path: Path) -> None:
    from archc.backends.report import report

    path = tmp_path / "n.html"
    network = archc.compile("resnet20").network
    path.write_text(report([network], watching=True), encoding="utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    page.click("[data-level=layers]")
    opened = page.locator(".canvas details[open]").count()
    with pytest.raises(SpecError) as wrong:
        archc.compile(Path(__file__).parent.parent / "bad" / "channel-mismatch.yaml")
    path.write_text(complaint("n", wrong.value.diagnostics), encoding="utf-8")
    page.wait_for_selector(".fault", timeout=8000)
    assert "error[channel-mismatch]" in page.locator(".fault").first.inner_text()
    path.write_text(report([network], watching=True), encoding="utf-8")
    page.wait_for_selector("html[data-ready]", timeout=8000)
    assert page.locator(".canvas details[open]").count() == opened
    page.close()
