"""The documentation runs: every example of every page is executed, and every link leads somewhere."""

from __future__ import annotations

import ast
import doctest
import pathlib
import re
import runpy

import pytest

ROOT = pathlib.Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
GALLERY = sorted((ROOT / "docs" / "gallery").glob("*.py"))
# Written when the documentation is built, which also runs the scripts.
GENERATED = {ROOT / "docs" / "examples" / f"{name}.rst" for name in ("index", *(script.stem for script in GALLERY))}
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_examples_run(page: pathlib.Path) -> None:
    # A fence is no part of the output above it; blank lines keep the line numbers.
    text = re.sub(r"^ *(```|~~~).*$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    name = page.relative_to(ROOT).as_posix()
    test = doctest.DocTestParser().get_doctest(text, {"__name__": "__main__"}, name, str(page), 0)
    report: list[str] = []
    doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=report.append)
    assert not report, "".join(report)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_python_is_written_as_examples_that_run(page: pathlib.Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert [block for block in blocks if ">>> " not in block] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: pathlib.Path) -> None:
    prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = {target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", prose) if not re.match(r"[a-z]+:", target)}
    files = {(page.parent / target).resolve() for target in targets if target}
    assert {file for file in files if not file.exists()} <= GENERATED


@pytest.mark.parametrize("script", GALLERY, ids=[script.stem for script in GALLERY])
def test_gallery_scripts_have_prose_a_derivative_and_a_picture(script: pathlib.Path) -> None:
    # That they run is seen by the build of the documentation, `sphinx-build -W docs build/docs`, which .ci/run does.
    text = script.read_text(encoding="utf-8")
    title, line = (ast.get_docstring(ast.parse(text)) or "").splitlines()[:2]
    assert line == "=" * len(title)
    assert "# %%" in text
    assert "import adjoint as ad" in text
    assert re.search(r"plt\.show\(\)|\.figure\(\)", text)


def test_the_order_of_the_gallery_names_all_scripts() -> None:
    settings = runpy.run_path(str(ROOT / "docs" / "_ext" / "gallery_settings.py"))
    assert sorted(settings["ORDER"]) == [script.name for script in GALLERY]


def test_every_page_is_reached_from_the_index() -> None:
    reached, queue = set(), [ROOT / "docs" / "index.md"]
    while queue:
        page = queue.pop()
        if page in reached or not page.exists():
            continue
        reached.add(page)
        queue += [
            (page.parent / target).resolve() for target in re.findall(r"\]\(([^)\s#]+\.md)", page.read_text(encoding="utf-8"))
        ]
    assert {page for page in PAGES if page.name != "README.md"} <= reached
