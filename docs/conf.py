"""Sphinx configuration: pages in Markdown, the API from numpydoc docstrings."""

import re

import sigconv

project = "sigconv"
author = "sigconv developers"
copyright = author
version = release = sigconv.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_numpy_docstring = True
napoleon_use_rtype = False
maximum_signature_line_length = 88

html_theme = "alabaster"
html_title = f"sigconv {release}"
html_theme_options = {
    "description": "Convolution and correlation of signals, images and volumes",
    "page_width": "68rem",
    "fixed_sidebar": True,
}


def keep_stars(_app, _what, _name, _obj, _options, lines):
    """Escape the stars of shapes such as (batch, in, *space), which would begin an emphasis."""
    for k, line in enumerate(lines):
        lines[k] = re.sub(r"``.*?``|(?<=, )\*(?=\w)", _escaped, line)


def _escaped(match):
    return "\\*" if match[0] == "*" else match[0]


def setup(app):
    """Run before napoleon reads the docstrings."""
    app.connect("autodoc-process-docstring", keep_stars, priority=400)
