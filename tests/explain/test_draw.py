"""`draw`: the layout is a layout, folding keeps the graph, and the SVG is well formed and says what the trace says."""

import itertools
import math
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import adjoint as ad
from adjoint.errors import InputError
from adjoint.explain.draw_fold import READABLE, fold, unfolded
from adjoint.explain.draw_layout import BEND_GAP, LAYER_GAP, lay_out
from adjoint.explain.draw_svg import subscripted
from adjoint.explain.record import record

SVG = "{http://www.w3.org/2000/svg}"


def classic(x1, x2):
    return (math.sin(x1 / x2) + x1 / x2 - math.exp(x2)) * (x1 / x2 - math.exp(x2))


def inner(x):
    return math.tanh(x) * x


def nested(x, n):
    s = 0.0
    for i in range(n):
        s += inner(x * i)
        for _ in range(2):
            s = s * 0.5 + math.sin(s)
    return s


def flat(a, b):
    s = [a, b]
    s = [s[1] * s[0], math.sin(s[1])]
    s = [s[1] * s[0], math.sin(s[1])]
    return s[0] + s[1]


def texts(svg):
    return [element.text for element in ET.fromstring(svg).iter(f"{SVG}text")]


# --- Layout ------------------------------------------------------------------------------------------------------


@st.composite
def graphs(draw):
    n = draw(st.integers(1, 14))
    sizes = draw(st.lists(st.tuples(st.floats(20, 200), st.floats(20, 80)), min_size=n, max_size=n))
    pairs = [(a, b) for a in range(n) for b in range(a + 1, n)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=30)) if pairs else []
    return sizes, sorted(edges)


@given(graphs())
def test_boxes_do_not_overlap_and_edges_lead_downwards(graph):
    sizes, edges = graph
    layout = lay_out(sizes, edges)
    frames = [(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for (w, h), (x, y) in zip(sizes, layout.centers, strict=True)]
    for a, b in itertools.combinations(frames, 2):
        apart = a[2] <= b[0] + 1e-6 or b[2] <= a[0] + 1e-6 or a[3] <= b[1] + 1e-6 or b[3] <= a[1] + 1e-6
        assert apart
    for left, top, right, bottom in frames:
        assert left >= -1e-6
        assert top >= -1e-6
        assert right <= layout.width + 1e-6
        assert bottom <= layout.height + 1e-6
    for (a, b), route in zip(edges, layout.routes, strict=True):
        assert route[0][1] == pytest.approx(frames[a][3])
        assert route[-1][1] == pytest.approx(frames[b][1])
        assert frames[a][0] <= route[0][0] <= frames[a][2]
        assert frames[b][0] <= route[-1][0] <= frames[b][2]
        assert all(upper[1] <= lower[1] for upper, lower in itertools.pairwise(route))


@given(graphs())
def test_edges_pass_no_box(graph):
    sizes, edges = graph
    layout = lay_out(sizes, edges)
    for (a, b), route in zip(edges, layout.routes, strict=True):
        for k, ((w, h), (x, y)) in enumerate(zip(sizes, layout.centers, strict=True)):
            if k not in (a, b):
                at_height = [p for p in route[1:-1] if abs(p[1] - y) < h / 2]
                assert all(abs(p[0] - x) >= w / 2 + BEND_GAP - 1e-6 for p in at_height)


def test_crossings_are_removed_where_they_can_be():
    # Two ladders, given so that in the order of numbers each rung crosses the others.
    edges = [(0, 7), (1, 6), (2, 5), (3, 4)]
    layout = lay_out([(40.0, 20.0)] * 8, edges)
    for (_, first), (_, second) in itertools.combinations(zip(edges, layout.routes, strict=True), 2):
        assert (first[0][0] - second[0][0]) * (first[-1][0] - second[-1][0]) > 0


def test_a_chain_is_straight_and_a_source_stands_by_its_use():
    layout = lay_out([(40.0, 20.0)] * 5, [(0, 1), (1, 2), (2, 4), (3, 4)])
    assert len({round(layout.centers[k][0], 6) for k in (0, 1)}) == 1
    assert layout.centers[3][1] == layout.centers[2][1]
    assert layout.centers[1][1] - layout.centers[0][1] == 20 + LAYER_GAP
    assert (
        lay_out([(40.0, 20.0)] * 5, [(0, 1), (1, 2), (2, 4), (3, 4)], frozenset({0, 3})).centers[3][1] == layout.centers[0][1]
    )


def test_edges_from_one_box_share_their_trunk():
    layout = lay_out([(40.0, 20.0)] * 5, [(0, 1), (0, 3), (0, 4), (1, 2), (2, 3), (3, 4)])
    to_3, to_4 = layout.routes[1], layout.routes[2]
    assert to_3[:-1] == to_4[: len(to_3) - 1]


def test_an_empty_graph_has_no_size():
    assert lay_out([], []).height == 0.0


# --- Folding -----------------------------------------------------------------------------------------------------


def is_acyclic_and_whole(trace, folded):
    held = [node.index for box in folded.boxes for node in box.nodes]
    assert held == [node.index for node in trace]
    assert all(a < b for a, b in folded.edges)
    home = {node.index: k for k, box in enumerate(folded.boxes) for node in box.nodes}
    links = {(home[parent], home[node.index]) for node in trace for parent in node.parents}
    assert set(folded.edges) == {(a, b) for a, b in links if a != b}


@pytest.mark.parametrize("depth", [None, 0, 1, 2, 3, 9])
@pytest.mark.parametrize("n", [1, 3, 7])
def test_folding_keeps_every_intermediate_and_every_edge(depth, n):
    trace = record(nested, (0.3, n))
    is_acyclic_and_whole(trace, fold(trace, depth=depth))
    is_acyclic_and_whole(trace, unfolded(trace))


def test_depth_says_how_much_is_folded():
    trace = record(nested, (0.3, 3))
    whole, iterations = fold(trace, depth=0), fold(trace, depth=1)
    assert [box.title for box in whole.boxes] == ["", "for i in range(n):"]
    assert [box.title for box in iterations.boxes[1:]] == [f"iteration {k} of for i in range(n):" for k in (1, 2, 3)]
    calls = [box.title for box in fold(trace, depth=2).boxes]
    assert calls.count("inner()") == 3
    assert calls.count("for _ in range(2):") == 3
    assert not any(box.is_folded for box in fold(trace, depth=4).boxes)


def test_a_long_loop_is_its_first_iteration_its_last_and_those_between():
    trace = record(nested, (0.3, 60))
    folded = fold(trace, depth=None)
    titles = [box.title for box in folded.boxes if box.is_folded]
    assert titles == ["iterations 2 to 59 of for i in range(n):"]
    assert len(folded.boxes) < READABLE < len(trace)


def test_a_small_graph_is_not_folded():
    assert not any(box.is_folded for box in fold(record(nested, (0.3, 3)), depth=None).boxes)


def test_what_cannot_be_folded_by_calls_and_loops_is_folded_by_line():
    lines = "\n    ".join(f"x = {'math.sin(' * 8}x{')' * 8}" for _ in range(30))
    trace = record(_compiled(f"import math\ndef f(x):\n    {lines}\n    return x\n"), (0.3,))
    folded = fold(trace, depth=None)
    assert len(trace) == 241
    assert len(folded.boxes) == 31
    assert folded.boxes[1].title.startswith("line 3")
    is_acyclic_and_whole(trace, folded)


def _compiled(source):
    import linecache

    name = "<drawn>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    namespace = {}
    exec(compile(source, name, "exec"), namespace)
    return namespace["f"]


def test_exits_are_what_is_used_outside():
    trace = record(nested, (0.3, 3))
    whole = fold(trace, depth=0).boxes[1]
    assert [node.index for node in whole.exits] == [trace.outputs[0].node]


# --- The picture -------------------------------------------------------------------------------------------------


def test_every_node_has_its_value_and_its_adjoint():
    drawing = ad.draw(classic, 1.5, 0.5)
    trace = record(classic, (1.5, 0.5))
    shown = texts(drawing.svg)
    assert shown.count("value") == shown.count("adjoint") == len(trace) == 12
    for node in trace:
        assert f"{node.value:.5g}" in shown
        assert f"{node.adjoint:.5g}" in shown
        assert subscripted(f"{node.label} = {node.formula}") in shown
    assert "classic(x1=1.5, x2=0.5) = 2.01665" in shown


def test_adjoints_of_the_inputs_are_the_gradient():
    shown = texts(ad.draw(classic, 1.5, 0.5).svg)
    for slope in ad.grad(classic, (0, 1))(1.5, 0.5):
        assert f"{slope:.5g}" in shown


def test_edges_say_what_comes_back():
    drawing = ad.draw(lambda x, y: x * y, 3.0, 4.0)
    titles = [element.text for element in ET.fromstring(drawing.svg).iter(f"{SVG}title")]
    assert "v₋₁ = 3; back to its adjoint comes 4" in titles
    assert "v₀ = 4; back to its adjoint comes 3" in titles


def test_boxes_lie_within_the_picture():
    root = ET.fromstring(ad.draw(nested, 0.3, 4).svg)
    width, height = float(root.get("width")), float(root.get("height"))
    for rect in list(root.iter(f"{SVG}rect"))[1:]:
        assert 0 <= float(rect.get("x")) <= float(rect.get("x")) + float(rect.get("width")) <= width
        assert 0 <= float(rect.get("y")) <= float(rect.get("y")) + float(rect.get("height")) <= height


def test_source_text_is_escaped():
    drawing = ad.draw(lambda x: np.where(x < 1, x, 2 * x) * (x > 0) * (1 if "<&>" else 2), 0.5)
    ET.fromstring(drawing.svg)
    assert "&lt;" in drawing.svg


def test_arrays_and_stores_are_drawn():
    def f(x):
        a = np.zeros(2)
        a[0] = x[0] * x[1]
        return np.sum(a * x)

    shown = texts(ad.draw(f, np.array([2.0, 3.0])).svg)
    assert any(text and text.startswith("v") and "with [0] =" in text for text in shown)
    assert any(text and re.fullmatch(r"\[6(\.0)?, 0(\.0)?\]", text) for text in shown)


def test_what_the_result_does_not_depend_on_is_pale():
    def f(x):
        _ = math.exp(x)
        return x * 2

    groups = [g for g in ET.fromstring(ad.draw(f, 1.0).svg).iter(f"{SVG}g") if g.get("opacity")]
    assert len(groups) == 1
    assert any("exp" in (text.text or "") for text in groups[0].iter(f"{SVG}text"))


def test_fold_and_depth_are_passed_on():
    assert ad.draw(nested, 0.3, 60).boxes < READABLE
    assert ad.draw(nested, 0.3, 60, fold=False).boxes == 601
    assert ad.draw(nested, 0.3, 60, depth=0).boxes == 2
    assert ad.draw(lambda x, y: x * y, 3.0, 4.0, cotangent=2.0).svg.count(">8<") == 1


def test_a_drawing_shows_itself_and_is_saved(tmp_path):
    drawing = ad.draw(flat, 0.3, 0.4)
    assert drawing._repr_svg_() == drawing.svg
    assert "8 intermediates" in repr(drawing) or "boxes" in repr(drawing)
    path = tmp_path / "graph.svg"
    assert drawing.save(path) == str(path)
    assert path.read_text(encoding="utf-8") == drawing.svg
    with pytest.raises(ValueError, match=r"ends in \.svg"):
        drawing.save("graph.png")


def test_a_hundred_boxes_are_laid_out_in_no_time():
    def f(a, b, c):
        s = [a, b, c]
        for _ in range(33):
            s = [s[1] * s[2], s[2] + a, math.sin(s[0])]
        return s[0] + s[1] + s[2]

    drawing = ad.draw(f, 0.3, 0.4, 0.5, fold=False)
    assert drawing.boxes == 104
    assert float(ET.fromstring(drawing.svg).get("width")) < 1200


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ad.draw(math.sin), InputError, "no arguments"),
        (lambda: ad.draw(3, 1.0), TypeError, "expects a function"),
        (lambda: ad.draw(math.sin, 1.0, depth=-1), ValueError, "at least 0"),
    ],
)
def test_misuse_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
