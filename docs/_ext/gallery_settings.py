"""How sphinx-gallery runs the scripts of ``docs/gallery`` and lays out their pages."""

from __future__ import annotations

import os
import warnings
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
STYLE = os.path.join(HERE, os.pardir, "_static", "adjoint.mplstyle")
# From the first steps to the particular: the order in which the pictures are shown.
ORDER = [
    "look_inside.py",
    "logistic_map.py",
    "why_not_differences.py",
    "cost_of_gradients.py",
    "curve_fit.py",
    "bundle_adjustment.py",
    "neural_network.py",
    "ode_fit.py",
    "newton.py",
    "adaptive_steps.py",
    "adaptive_quadrature.py",
    "heat_control.py",
    "complex_newton.py",
    "custom_rule.py",
]


def plain_figures(_configuration: dict[str, Any], _script: str) -> None:
    """Start every script from the same figure style, and make NumPy's warnings errors, as the tests do."""
    import matplotlib.pyplot as plt

    plt.close("all")
    plt.style.use(["default", STYLE])
    warnings.simplefilter("error", RuntimeWarning)


def drawings(_block: Any, variables: dict[str, Any], configuration: dict[str, Any]) -> str:
    """Put the pictures on the page that a script has under a name and not in pyplot: `ad.draw`, `ad.compare(...).figure()`.

    A scraper of sphinx-gallery, called after each block of code.
    """
    from matplotlib.figure import Figure
    from matplotlib.pyplot import figure, get_fignums
    from sphinx_gallery.scrapers import figure_rst

    from adjoint.explain.draw import Drawing

    shown, paths = variables.setdefault("pictures", set()), []
    in_pyplot = {id(figure(number)) for number in get_fignums()}
    for picture in list(variables["example_globals"].values()):
        if isinstance(picture, (Drawing, Figure)) and id(picture) not in shown | in_pyplot:
            shown.add(id(picture))
            path = next(variables["image_path_iterator"])
            if isinstance(picture, Drawing):
                path = picture.save(os.path.splitext(path)[0] + ".svg")
            else:
                picture.savefig(path)
            paths.append(path)
    return figure_rst(paths, configuration["src_dir"])


def position(file: str) -> tuple[int, str]:
    """Return the key that sorts the scripts: those of `ORDER` first, then what is new."""
    name = os.path.basename(file)
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)


SETTINGS: dict[str, Any] = {
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",
    "filename_pattern": r"\.py$",  # run all of them, not only `plot_*.py`
    "within_subsection_order": "gallery_settings.position",
    "reset_modules": "gallery_settings.plain_figures",
    "reset_modules_order": "before",
    "doc_module": ("adjoint",),
    "backreferences_dir": "examples/uses",
    "image_scrapers": ("gallery_settings.drawings", "matplotlib"),
    "remove_config_comments": True,
    "plot_gallery": True,
    "abort_on_example_error": False,
    "show_signature": False,
    "min_reported_time": 1e9,
    "write_computation_times": False,
    "nested_sections": False,
    "thumbnail_size": (480, 336),
}
