"""The documentation runs: every example of every page is executed, and every link leads somewhere."""

from __future__ import annotations

import doctest
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
# Written by `python -m adjoint coverage --markdown` when the documentation is built.
GENERATED = {ROOT / "docs" / "reference" / "coverage.md"}
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
