"""How Sphinx builds this documentation: ``sphinx-build -W --keep-going docs build/docs``.

Needs the extra ``docs`` and no network.  Every script of ``gallery/`` is run by the build.
"""

from __future__ import annotations

import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# The pages are those of this checkout, also where another version is installed.
sys.path[:0] = [os.path.join(HERE, "_ext"), os.path.join(os.path.dirname(HERE), "src")]

from gallery_settings import SETTINGS as sphinx_gallery_conf  # noqa: E402, F401, N811 - Sphinx asks for this name

project = "adjoint"
author = "the adjoint authors"
copyright = "2026, the adjoint authors"

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
    "svgmath",
]
# The header and the scripts of the gallery are read by sphinx-gallery, which writes `examples/`.
exclude_patterns = ["gallery"]
templates_path = ["_templates"]
nitpicky = False  # types in signatures are NumPy's, and their pages are not here
highlight_language = "text"  # a block that does not say what it is is no Python
default_role = "py:obj"  # docstrings write `grad` for a link to it

# -------------------------------------------------------------------------------------------------- prose and mathematics

myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "svg"

# ------------------------------------------------------------------------------------------------------------- reference

# The page of a name that is no longer public would be a page that nothing leads to.
shutil.rmtree(os.path.join(HERE, "reference", "generated"), ignore_errors=True)
autosummary_generate = True
autosummary_imported_members = True
autosummary_ignore_module_all = False  # the public names are those of `__all__`: a new name gets its page by itself
autodoc_typehints = "none"  # in the signature of a NumPy function there are names, and types in words below
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
# A reference at the end of a docstring is reading for the whole of it, and not cited at one place.
suppress_warnings = ["ref.citation"]

# ------------------------------------------------------------------------------------------------------------------ HTML

html_theme = "pydata_sphinx_theme"
html_title = "adjoint"
html_static_path = ["_static"]
html_css_files = ["adjoint.css"]
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {"text": "adjoint"},
    "navbar_align": "left",
    "show_prev_next": True,
    "show_nav_level": 2,
    # Wide tables have the whole width.
    "secondary_sidebar_items": {"**": ["page-toc"], "reference/operators": [], "reference/coverage": []},
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "tango",
    "pygments_dark_style": "github-dark",
}
html_sidebars = {"index": []}
