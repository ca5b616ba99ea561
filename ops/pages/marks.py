"""The shape of each status, as inline SVG.

A status is always a word with its own shape beside it; colour only repeats what both say. The shapes differ in outline,
so they are told apart in black and white and by readers who see colours differently.
"""

from __future__ import annotations

from markupsafe import Markup, escape

from ops.pages.words import STATUS_WORDS

_SHAPES = {
    # an eight-cornered stop sign with a cross
    "off_track": '<path d="M5.2 1h5.6L15 5.2v5.6L10.8 15H5.2L1 10.8V5.2z" fill="currentColor"/>'
    '<path class="ink" d="M5.4 5.4l5.2 5.2m0-5.2-5.2 5.2" stroke="#fff" stroke-width="1.8" stroke-linecap="round"/>',
    # a warning triangle with a bar and a dot
    "watch": '<path d="M8 1.2 15.4 14.6H.6z" fill="currentColor" stroke="currentColor" stroke-linejoin="round"/>'
    '<path class="ink" d="M8 5.8v4m0 2.4v.1" stroke="#fff" stroke-width="1.8" stroke-linecap="round"/>',
    # a disc with a tick
    "on_track": '<circle cx="8" cy="8" r="7.2" fill="currentColor"/>'
    '<path class="ink" d="m4.6 8.3 2.3 2.4 4.5-5" fill="none" stroke="#fff" stroke-width="1.8" '
    'stroke-linecap="round" stroke-linejoin="round"/>',
    # a clock face
    "stale": '<circle cx="8" cy="8" r="6.4" fill="none" stroke="currentColor" stroke-width="1.7"/>'
    '<path d="M8 4.4V8l2.6 1.8" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round"/>',
    # an empty, dashed ring
    "no_data": '<circle cx="8" cy="8" r="6.4" fill="none" stroke="currentColor" stroke-width="1.7" '
    'stroke-dasharray="2.6 2.4"/>',
    # the outline of a person with a question left open
    "unowned": '<circle cx="8" cy="4.6" r="3" fill="none" stroke="currentColor" stroke-width="1.6"/>'
    '<path d="M2.2 14.6c.4-3.4 2.7-5.2 5.8-5.2s5.4 1.8 5.8 5.2" fill="none" stroke="currentColor" '
    'stroke-width="1.6" stroke-linecap="round" stroke-dasharray="2.6 2.4"/>',
    # a hollow diamond
    "no_target": '<path d="M8 1.4 14.6 8 8 14.6 1.4 8z" fill="none" stroke="currentColor" stroke-width="1.6" '
    'stroke-linejoin="round"/>',
}


def shape(status: str) -> Markup:
    """The shape alone, hidden from assistive technology: the word beside it says the same."""
    return Markup(
        f'<svg class="shape" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">{_SHAPES[status]}</svg>'
    )


def mark(status: str) -> Markup:
    """Shape and word of a status, plain, for a table."""
    return Markup(f'<span class="mark {status}">{shape(status)} {escape(STATUS_WORDS[status].label)}</span>')


def badge(status: str) -> Markup:
    """Shape and word of a status."""
    words = STATUS_WORDS[status]
    return Markup(f'<span class="badge {status}">{shape(status)}{escape(words.label)}</span>')
