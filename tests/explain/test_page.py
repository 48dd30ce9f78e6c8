"""The page: what is in it, and what it does in a real browser."""

import json
import math
import re
import shutil

import numpy as np
import pytest
from scipy import special

import adjoint as ad
from adjoint._rules.book import BOOK
from adjoint.explain import page
from adjoint.explain.javascript import VALUES, form_of
from adjoint.explain.record import record
from adjoint.explain.replay import obstacle

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def classic(x1, x2):
    a = x1 / x2
    b = np.exp(x2)
    return (np.sin(a) + a - b) * (a - b)


def branching(p):
    x, y = p
    if x > 0.5:
        return np.log(y) * soft(x)
    return x


def soft(z):
    return np.log1p(np.exp(z))


def logistic(x, n):
    for _ in range(n):
        x = 3.7 * x * (1 - x)
    return x


# What is in it ------------------------------------------------------------------------------------------------------------------


def test_nothing_is_fetched():
    text = page.page_of(record(classic, (1.5, 0.5)))
    assert re.findall(r"(?:src|href|url|import)\s*[=(]\s*[\"']?(?!#rows)[^\s\"')]+", text) == []
    assert "http" not in text
    assert "{{" not in text.replace("${", "")


def test_save_returns_the_path(tmp_path):
    path = tmp_path / "trace.html"
    assert ad.explain(classic, 1.5, 0.5).save(path) == str(path)
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


OBSTACLES = [
    (lambda x: np.sum(x * x), (np.ones(3),), r"v1 = v0 \* v0 \(line \d+\) is an array"),
    (lambda x: x * int(x), (1.5,), "more than the recorded operations"),
    (lambda x: x * ad.stop_gradient(x), (1.5,), "more than the recorded operations"),
    (lambda x: special.erf(x), (0.5,), r"v1 = .*erf\(v0\) \(line \d+\) has no form in JavaScript"),
    (lambda z: abs(z), (1 + 2j,), "the input z is neither a real number nor a vector"),
    (lambda x: x[0] * x[1], (np.ones(9),), "more than 8 numbers"),
    (lambda x: x[1:], (np.ones(3),), "the result is an array"),
    (lambda x: logistic(x, 1000), (0.3,), "3001 intermediates"),
    (lambda x: x * np.float32(2.0), (np.float32(1.0),), "neither a real number"),
    (lambda x: [x, np.isclose(x, 2)][0], (1.0,), "which the page cannot ask again"),
]


@pytest.mark.parametrize(("f", "args", "why"), OBSTACLES)
def test_why_there_are_no_sliders(f, args, why):
    trace = record(f, args)
    assert re.search(why, obstacle(trace))
    model = page.model_of(trace)
    assert model["sliders"] == []
    assert model["obstacle"]


def test_stores_have_no_sliders():
    def f(x):
        y = np.zeros(1)
        y[0] = x
        return y[0]

    assert "stores into an array" in obstacle(record(f, (1.0,)))


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (classic, (1.5, 0.5)),
        (branching, (np.array([1.0, 2.0]),)),
        (lambda x: x * np.floor(x), (1.5,)),
        (lambda x: math.atan2(x, 2) ** 3 + max(x, 1.0), (1.5,)),
        (ad.grad(lambda x: np.sin(x) * x), (1.5,)),
        (lambda p: p["a"] * p["b"][0], ({"a": 2.0, "b": [3.0]},)),
    ],
)
def test_sliders(f, args):
    assert obstacle(record(f, args)) == ""


def test_every_value_has_its_partials():
    missing = [
        f for f in VALUES for rule in [BOOK[f]] if rule.kind == "elementwise" and None in form_of(f, len(rule.formulas))[1]
    ]
    assert missing == []


def test_numbers_that_json_has_not():
    with np.errstate(all="ignore"):
        trace = record(lambda x: np.log(x) * 2, (0.0,))
    model = page.model_of(trace)
    json.dumps(model, allow_nan=False)
    assert model["nodes"][1]["text"][0] == "-inf"


# What it does -------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is on the path")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def show(browser, tmp_path):
    """Open the page of a trace without network; complain of errors and of requests."""
    context = browser.new_context(offline=True, viewport={"width": 1300, "height": 900})
    complaints = []

    def shown(f, *args, **options):
        path = ad.explain(f, *args, **options).save(tmp_path / "trace.html")
        tab = context.new_page()
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("request", lambda request: complaints.append(request.url) if not request.url.startswith("file:") else None)
        tab.goto(f"file://{path}")
        return tab

    yield shown
    context.close()
    assert complaints == []


def cells(tab, name):
    return [text.replace("−", "-") for text in tab.locator(f"#rows td.{name}").all_text_contents()]


def status(tab):
    return tab.locator("#status").inner_text().replace("−", "-").replace("\n", "")


def current(tab):
    row = tab.locator("[aria-current=step]")
    return row.locator("td.label").inner_text().replace("\n", "").replace("−", "-") if row.count() else None


def test_the_table_is_that_of_the_trace(show):
    tab = show(classic, 1.5, 0.5)
    assert tab.locator("h1").inner_text() == "classic(x1 = 1.5, x2 = 0.5) = 2.01665"
    assert cells(tab, "value") == ["1.5", "0.5", "3", "1.64872", "0.14112", "3.14112", "1.4924", "1.35128", "2.01665"]
    assert cells(tab, "tangent")[-1] == "3.01184"
    assert cells(tab, "adjoint")[:2] == ["3.01184", "-13.724"]


def test_arrow_keys_step_through_both_passes(show):
    tab = show(classic, 1.5, 0.5)
    tab.keyboard.press("Home")
    assert current(tab) is None
    steps = []
    for _ in range(16):
        tab.keyboard.press("ArrowRight")
        steps.append(current(tab))
    assert steps == [f"v{k}" for k in [*range(1, 8), *range(7, -2, -1)]]
    tab.keyboard.press("ArrowRight")
    assert current(tab) == "v-1"
    tab.keyboard.press("Home")
    for _ in range(3):
        tab.keyboard.press("ArrowRight")
    assert status(tab) == "Forward, 3 of 7: v3 = sin(v1) = 0.14112, tangent -1.97998"
    tab.keyboard.press("ArrowLeft")
    assert current(tab) == "v2"


def test_adjoints_accumulate_on_the_way_back(show):
    tab = show(classic, 1.5, 0.5)
    tab.keyboard.press("Home")
    for _ in range(7 + 2):  # v7 and v6 have passed on
        tab.keyboard.press("ArrowRight")
    v1 = tab.locator("tr[data-node='1'] td.adjoint")
    assert v1.inner_text() == "1.4924"
    assert "partly" in v1.get_attribute("class")
    for _ in range(3):
        tab.keyboard.press("ArrowRight")
    assert v1.inner_text().replace("−", "-") == "1.50592"
    assert "partly" in v1.get_attribute("class")
    assert "later" in tab.locator("tr[data-node='-1'] td.adjoint").get_attribute("class")


def test_buttons_step_too(show):
    tab = show(classic, 1.5, 0.5)
    tab.get_by_role("button", name="To the start (Home)").click()
    assert tab.get_by_role("button", name="One step back (left arrow)").is_disabled()
    tab.get_by_role("button", name="One step on (right arrow)").click()
    assert current(tab) == "v1"
    tab.get_by_role("button", name="To the end (End)").click()
    assert current(tab) == "v-1"


def test_rows_show_line_rule_and_local_derivative(show):
    tab = show(classic, 1.5, 0.5)
    tab.locator("tr[data-node='3']").hover()
    detail = tab.locator("#detail")
    assert detail.locator("[aria-current]").inner_text() == "    return (np.sin(a) + a - b) * (a - b)"
    text = detail.inner_text().replace("\n", "").replace("−", "-")
    assert "numpy.sin" in text
    assert "cos(v1) = -0.989992" in text
    assert "(-0.989992) · 2 = -1.97998" in text
    assert "to v1(-0.989992) · 1.35128 = -1.33776" in text


def test_rows_are_reached_by_keyboard(show):
    tab = show(classic, 1.5, 0.5)
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowUp")
    tab.keyboard.press("ArrowUp")
    assert tab.evaluate("document.activeElement.dataset.node") == "5"
    outline = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    assert tab.locator("#detail h2").inner_text().replace("\n", "") == "v5 = v4 − v2"
    assert tab.locator("#rows tr[tabindex='0']").count() == 1


def numbers_of(tab):
    return tab.evaluate("model.nodes.map((n) => ['values', 'tangents', 'adjoints'].map((name) => live[name].get(n.index)))")


@pytest.mark.parametrize(
    ("f", "args", "index"),
    [
        (classic, (1.5, 0.5), 1),
        (branching, (np.array([1.0, 2.0]),), 0),
        (lambda x, y: math.hypot(x, y) ** y - abs(x) / 3 + max(x, y) * (-x) + np.power(2.0, x), (1.2, 2.3), 0),
    ],
)
def test_sliders_compute_what_python_computes(show, f, args, index):
    tab = show(f, *args)
    tab.locator(f"#slider{index}").focus()
    for _ in range(7):
        tab.keyboard.press("ArrowRight")
    moved = [np.array(x) if isinstance(x, list) else x for x in tab.evaluate("[...inputs.values()]")]
    assert not all(np.array_equal(x, old) for x, old in zip(moved, args, strict=True))
    trace = record(f, tuple(moved))
    for found, node in zip(numbers_of(tab), trace, strict=True):
        for x, expected in zip(found, (node.value, node.tangent, node.adjoint), strict=True):
            np.testing.assert_allclose(x, expected, rtol=1e-12, atol=1e-12)
    assert tab.locator("h1").inner_text().endswith(f"= {trace.outputs[0].value:.6g}".replace("-", "−"))


def test_sliders_stop_where_the_program_takes_another_way(show):
    tab = show(branching, np.array([1.0, 2.0]))
    line = branching.__code__.co_firstlineno + 2
    note = tab.locator("#note0")
    assert note.inner_text().replace("\n", "") == f"stops at 0.5: below, v1 > 0.5 (line {line}) would no longer be true"
    slider = tab.locator("#slider0")
    slider.fill("0.1")
    assert 0.5 < tab.evaluate("inputs.get(0)[0]") < 0.5 + 1e-9
    assert cells(tab, "value")[1] == "0.5"


def test_sliders_stop_where_values_are_not_finite(show):
    tab = show(lambda x: np.log(x) * x, 0.5)
    tab.locator("#slider0").fill("-0.4")
    assert 0 < tab.evaluate("inputs.get(0)") < 1e-9
    for wanted in ("0.3", "-0.1"):
        tab.locator("#slider0").fill(wanted)
        assert tab.locator("#note0").inner_text().replace("\n", "") == "stops at 0: below, v1 would not be finite"


def test_sliders_pass_a_pole(show):
    tab = show(lambda x: 1 / x, 0.5)
    assert tab.locator("#note0").inner_text() == ""
    tab.locator("#slider0").fill("0")
    assert 0 < tab.evaluate("inputs.get(0)") < 1e-6
    tab.locator("#slider0").fill("-0.25")
    assert cells(tab, "adjoint")[0] == "-16"


def test_arrows_on_a_slider_do_not_step(show):
    tab = show(classic, 1.5, 0.5)
    tab.keyboard.press("Home")
    tab.get_by_label("x1").focus()
    tab.keyboard.press("ArrowRight")
    assert current(tab) is None
    assert cells(tab, "value")[0] != "1.5"


def test_why_is_on_the_page(show):
    tab = show(lambda x: np.sum(x * x), np.ones(3))
    assert tab.locator("input").count() == 0
    assert tab.locator("#inputs").inner_text().startswith("No sliders for the inputs: v")


def test_loops_unfold(show):
    tab = show(logistic, 0.3, 10)
    assert tab.locator("#rows tr").count() == 8
    tab.keyboard.press("Home")
    for _ in range(4):
        tab.keyboard.press("ArrowRight")
    assert "iterations 2 to 9 of 10 of for _ in range(n): v4" in status(tab)
    tab.get_by_role("button", name="Unfold iterations").click()
    assert tab.locator("#rows tr").count() == 31
    assert tab.locator("tr[data-node='17'] td.formula").inner_text().replace("\n", "") == "1 − v15"


def test_long_traces_have_a_page(show):
    tab = show(logistic, 0.3, 1000)
    assert tab.locator("#rows tr").count() == 8
    assert tab.get_by_role("button", name="Unfold iterations").count() == 0


def test_source_is_no_markup(show):
    def f(x):
        return x * len("</script><b id=bold>&")

    tab = show(f, 2.0)
    assert tab.locator("#bold").count() == 0
    assert "</script><b id=bold>&" in tab.locator("#detail pre").inner_text()


def test_functions_in_javascript_are_those_of_the_rule_book(show):
    tab = show(classic, 1.5, 0.5)
    for function in VALUES:
        rule = BOOK[function]
        count = max(len(rule.formulas), 2 if function in {np.less, np.less_equal, np.greater, np.greater_equal} else 1)
        count = 2 if getattr(function, "nin", 1) == 2 else 1 if getattr(function, "nin", 0) == 1 else count
        value, partials = form_of(function, count)
        for x, y in [(0.3, 0.7), (0.7, 0.3), (-0.4, 2.5), (1.7, -0.6), (0.5, 0.5), (2.5, 2.0), (-2.5, 1.5), (0.0, 1.0)]:
            args = (x, y)[:count]
            with np.errstate(all="ignore"):
                expected = function(*map(np.float64, args))
                slopes = [
                    np.float64(f(expected, *map(np.float64, args))) for f, p in zip(rule.formulas, partials, strict=False) if p
                ]
            numbers = ", ".join(map(repr, args))
            padded = numbers if count == 2 else f"{numbers}, 0"
            found = tab.evaluate(
                f"[({value})({padded}), {', '.join(f'({p})(({value})({padded}), {padded})' for p in partials if p)}].map(Number)"
            )
            assert np.allclose(found, [float(expected), *slopes], rtol=1e-13, atol=1e-15, equal_nan=True), (
                function,
                args,
                found,
            )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser, tmp_path, scheme):
    path = ad.explain(classic, 1.5, 0.5).save(tmp_path / "trace.html")
    context = browser.new_context(color_scheme=scheme)
    tab = context.new_page()
    tab.goto(f"file://{path}")
    for name in ("ink", "soft", "forward", "reverse", "warn"):
        assert contrast(tab, f"--{name}", "--paper") > 4.5, name
    context.close()


def contrast(tab, ink, paper):
    """Contrast of two colours as the accessibility guidelines (WCAG 2) define it."""
    lights = []
    for name in (ink, paper):
        text = tab.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('{name}').trim()")
        channels = [int(text[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        lights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(lights) + 0.05) / (min(lights) + 0.05)
