"""The public names are exactly those that the package lists, in order, each documented with an example."""

import doctest
import inspect
import types

import pytest

import adjoint as ad


def test_names_are_sorted_and_complete():
    assert ad.__all__ == sorted(ad.__all__)
    public = {name for name in vars(ad) if not name.startswith("_")}
    modules = {name for name in public if isinstance(vars(ad)[name], types.ModuleType)}
    assert public - modules == set(ad.__all__) - modules


@pytest.mark.parametrize("name", [name for name in ad.__all__ if name not in ("errors", "rules")])
def test_docstring_has_sections_and_an_example(name):
    text = inspect.cleandoc(getattr(ad, name).__doc__)
    for section in ("Parameters", "Returns", "Notes", "Examples"):
        assert f"{section}\n{'-' * len(section)}" in text, f"{name} has no section {section}"
    assert doctest.DocTestParser().get_examples(text)


def test_every_exception_is_public():
    errors = {
        name for name, value in vars(ad.errors).items() if isinstance(value, type) and issubclass(value, ad.errors.AdjointError)
    }
    assert ad.errors.__all__ == sorted(errors)
