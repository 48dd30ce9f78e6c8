"""What `explain` shows: as text, in a terminal, in a notebook, as data."""

import io
import json

import numpy as np
import pytest

import adjoint as ad


def logistic(x, n):
    for _ in range(n):
        x = 4 * x * (1 - x)
    return x


def classic(x1, x2):
    a = x1 / x2
    b = np.exp(x2)
    return (np.sin(a) + a - b) * (a - b)


TEXT = """\
classic(x1=1.5, x2=0.5) = 2.01665

Forward pass: values, and tangents along x1=1, x2=0
                     value   tangent
  v-1  = x1            1.5         1
  v0   = x2            0.5         0
  v1   = v-1 / v0        3         2   test_explanation.py:{0}  a = x1 / x2
  v2   = exp(v0)   1.64872         0   test_explanation.py:{1}  b = np.exp(x2)
  v3   = sin(v1)   0.14112  -1.97998   test_explanation.py:{2}  return (np.sin(a) + a - b) * (a - b)
  v4   = v3 + v1   3.14112  0.020015     |
  v5   = v4 - v2    1.4924  0.020015     |
  v6   = v1 - v2   1.35128         2     |
  v7   = v5 * v6   2.01665   3.01184     |

Reverse pass, from the bottom up: adjoints, each the sum of what its children contribute
  v7          1  = 1 (seed)
  v6     1.4924  = 1.4924 (v7)
  v5    1.35128  = 1.35128 (v7)
  v4    1.35128  = 1.35128 (v5)
  v3    1.35128  = 1.35128 (v4)
  v2   -2.84368  = -1.4924 (v6) - 1.35128 (v5)
  v1    1.50592  = 1.4924 (v6) + 1.35128 (v4) - 1.33776 (v3)
  v0    -13.724  = -4.68843 (v2) - 9.03553 (v1)   x2
  v-1   3.01184  = 3.01184 (v1)   x1

Slope along this direction: 3.01184 by the forward pass, 3.01184 by the reverse pass"""


def test_text():
    first = classic.__code__.co_firstlineno
    assert str(ad.explain(classic, 1.5, 0.5)) == TEXT.format(first + 1, first + 2, first + 3)


def test_loops_are_folded_and_unfolded():
    e = ad.explain(logistic, 0.3, 10)
    assert "iterations 2 to 9 of 10 of `for _ in range(n)`: v4 … v27, 24 intermediates" in str(e)
    assert "v5 " not in str(e)
    unfolded = str(e.unfold())
    assert "iterations" not in unfolded
    assert all(f"  v{k} " in unfolded for k in range(31))
    assert str(ad.explain(logistic, 0.3, 10, fold=False)) == unfolded


def test_long_traces_are_folded():
    def deep(x, n):
        return x if n == 0 else deep(x * 1.01, n - 1)

    assert len(str(ad.explain(deep, 1.0, 100)).splitlines()) < 140
    assert "folded: v30 … v70" in str(ad.explain(deep, 1.0, 100))


def test_large_arrays_are_folded_and_unfolded():
    e = ad.explain(lambda x: np.sum(x * x), np.arange(20.0))
    assert "[0, 1, 2, …] (20)" in str(e)
    assert "361" in str(e.unfold())


def test_many_contributions_are_folded():
    e = ad.explain(lambda x: sum(k * x for k in range(1, 21)), 1.0)
    assert "5 (v9) + 4 (v7) + 3 (v5)" not in str(e)
    assert "+ 15 more   x" in str(e)
    assert "5 (v9) + 4 (v7) + 3 (v5)" in str(e.unfold())


def test_unused_inputs_say_so():
    assert "0 (no path to the result)   y" in str(ad.explain(lambda x, y: x * x, 1.0, 2.0))


def test_data_is_json():
    data = json.loads(json.dumps(ad.explain(classic, 1.5, 0.5).to_dict()))
    assert data["inputs"] == 2
    assert [node["formula"] for node in data["nodes"]][2:4] == ["v-1 / v0", "exp(v0)"]
    last = data["nodes"][-1]
    assert last["arguments"] == [
        {"text": "v5", "nodes": [5], "constant": None},
        {"text": "v6", "nodes": [6], "constant": None},
    ]
    assert last["place"]["source"].startswith("return")
    assert data["nodes"][0]["adjoint"] == pytest.approx(3.011843327673907)


def test_complex_numbers_as_data():
    data = json.loads(json.dumps(ad.explain(lambda z: abs(z) ** 2, 3 + 4j).to_dict()))
    assert data["nodes"][0]["adjoint"] == {"re": pytest.approx(6.0), "im": pytest.approx(8.0)}


def test_notebook():
    e = ad.explain(lambda x: np.sum(np.abs(x) < 3) * x[0] + logistic(x[1], 9), np.array([0.1, 0.2]))
    html, markdown = e._repr_html_(), e._repr_markdown_()
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {8}
    assert html.count("<tr>") == len(rows) - 1  # Markdown has a line of dashes
    assert "&lt; 3" in html
    assert "<script" not in html


def test_terminal():
    rich_console = pytest.importorskip("rich.console")
    out = io.StringIO()
    rich_console.Console(file=out, width=120).print(ad.explain(lambda x: np.sum(x[1:] * 2), np.array([1.0, 2.0])))
    text = out.getvalue()
    assert "v0[1:]" in text  # brackets are no markup
    assert "Reverse pass" in text


def test_repr_is_one_line():
    assert repr(ad.explain(classic, 1.5, 0.5)) == "<Explanation of classic(x1=1.5, x2=0.5) = 2.01665: 9 intermediates>"


def test_names_of_leaves():
    e = ad.explain(lambda p, x: p["w"] * x + p["b"][0], {"w": 2.0, "b": [1.0]}, 3.0)
    assert [node.name for node in e.trace if node.kind == "input"] == ["p['b'][0]", "p['w']", "x"]


@pytest.mark.parametrize("f", [lambda *args: args[0] * args[1], max])
def test_names_where_there_are_none(f):
    assert [node.name for node in ad.explain(f, 1.0, 2.0).trace if node.kind == "input"] == ["args[0]", "args[1]"]
