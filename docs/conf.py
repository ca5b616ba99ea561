"""Sphinx settings: Markdown through MyST, one theme, warnings are errors (see the Makefile)."""

project = "Tallystick"
author = "The Tallystick maintainers"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
html_theme = "furo"
html_title = "Tallystick"
myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]
exclude_patterns = ["_build"]
