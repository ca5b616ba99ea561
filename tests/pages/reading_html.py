"""A reading of HTML strict enough to catch what a browser forgives.

Kept apart from the fixtures so that tests can use it on pages of their own, broken on purpose.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])


@dataclass(slots=True)
class Node:
    """An element: its name, attributes, children and text pieces in order."""

    name: str
    attributes: dict[str, str]
    children: list[Node | str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Node]:
        """Every element below, in reading order."""
        for child in self.children:
            if isinstance(child, Node):
                yield child
                yield from child

    def text(self) -> str:
        """All text below, spaces collapsed."""
        pieces = (child if isinstance(child, str) else child.text() for child in self.children)
        return " ".join(" ".join(pieces).split())

    def all(self, name: str, css: str = "") -> list[Node]:
        """The elements of this name, and of this class where one is given."""
        return [n for n in self if n.name == name and (not css or css in n.attributes.get("class", "").split())]

    def having(self, css: str) -> list[Node]:
        """The elements of this class."""
        return [n for n in self if css in n.attributes.get("class", "").split()]


class StrictParser(HTMLParser):
    """Builds the tree and raises where a tag is not closed, or closed by another."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("#document", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> names an attribute twice"
        node = Node(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(node)
        if tag not in VOID:
            self._open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Node(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        opened = self._open.pop()
        assert opened.name == tag, f"</{tag}> closes <{opened.name}>"

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def parse(text: str) -> Node:
    """The tree of a page. Raises AssertionError where it is not well-formed."""
    parser = StrictParser()
    parser.feed(text)
    parser.close()
    assert len(parser._open) == 1, f"<{parser._open[-1].name}> is never closed"
    return parser.root
