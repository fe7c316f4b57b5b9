"""Sphinx configuration: pages in Markdown, the API from numpydoc docstrings."""

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
