"""A report as Markdown with pictures beside it, and as one HTML file that needs nothing else."""

import base64
import dataclasses
import html
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from serving.evaluation.output_files import OutputFiles

_LONG = 24  # characters of a cell that may take more than one line
_LONG_ID = 64  # the same of a row's first cell
_LONGEST = 150  # of a cell that is to be wide, too
_CONTENTS = "<contents>"  # its place among the parts
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem;
  color: #1a1a1a; background: #fff; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; }
a { color: #0059a3; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 0.92rem; display: block;
  overflow-x: auto; background:
  linear-gradient(to right, #fff 30%, #fff0) 0 0 / 2.5rem 100% local,
  linear-gradient(to left, #fff 30%, #fff0) 100% 0 / 2.5rem 100% local,
  linear-gradient(to right, #0003, #0000) 0 0 / 0.7rem 100% scroll,
  linear-gradient(to left, #0003, #0000) 100% 0 / 0.7rem 100% scroll;
  background-repeat: no-repeat; } /* a shadow where there is more to scroll to */
th, td { border-bottom: 1px solid #ddd; padding: 0.3rem 0.6rem; text-align: left;
  vertical-align: top; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.long { white-space: normal; min-width: 8.5rem; max-width: 36rem; overflow-wrap: anywhere; }
td.longest { min-width: 15rem; }
thead th { border-bottom: 2px solid #999; }
thead:not(:has(th:not(:empty))) { display: none; }
table:first-of-type:has(strong) td { vertical-align: baseline; }
table:first-of-type strong { font-size: 1.5rem; line-height: 1; }
img { width: 44rem; max-width: 100%; height: auto; }
@media (max-width: 40rem) { /* on a phone each cell of a table with long texts has its own line */
  table { font-size: 0.85rem; } th, td { padding: 0.3rem 0.4rem; }
  table:has(.long), table:has(.long) :is(tbody, tr, td) { display: block; }
  table:has(.long) thead { display: none; }
  table:has(.long) tr { border-bottom: 2px solid #999; padding: 0.4rem 0; }
  table:has(.long) td { border: 0; white-space: normal; padding: 0.1rem 0.4rem; }
  td[data-head]:not([data-head=""])::before { content: attr(data-head) ": "; color: #555; }
  table:not(:has(.long)) td::before { content: none !important; }
  td.long, td.longest { min-width: 0; max-width: none; }
}
"""


@dataclasses.dataclass
class Page:
    """A report under way.

    Attributes:
        title: shown by a browser.
        parts: Markdown; what comes from data is escaped already.
        pictures: file name -> PNG.
    """

    title: str
    parts: list[str] = dataclasses.field(default_factory=list)
    pictures: dict[str, bytes] = dataclasses.field(default_factory=dict)

    def add(self, *parts: str) -> None:
        """Adds paragraphs, tables or headings."""
        self.parts += parts

    def add_picture(self, name: str, says: str, png: bytes) -> None:
        """Adds a picture, with what it says for those who do not see it."""
        self.pictures[name] = png
        self.parts.append(f"![{says}]({name})")

    def add_contents(self) -> None:
        """Adds links to all sections."""
        self.parts.append(_CONTENTS)

    def markdown(self) -> str:
        """The page, with pictures by their file names."""
        titles = [part.splitlines()[0][3:] for part in self.parts if part.startswith("## ")]
        links = " · ".join(f"[{title}](#{_anchor(title)})" for title in titles)
        return "\n\n".join(links if part == _CONTENTS else part for part in self.parts) + "\n"

    def html(self) -> str:
        """The page, with its pictures inside."""
        markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
        tokens = markdown.parse(self.markdown())
        for token in _inside(tokens):
            if token.type == "image":
                encoded = base64.b64encode(self.pictures[str(token.attrs["src"])]).decode()
                token.attrs["src"] = f"data:image/png;base64,{encoded}"
        _mark(tokens)
        body = markdown.renderer.render(tokens, markdown.options, {})
        return (
            '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{html.escape(self.title)}</title>\n<style>{_STYLE}</style>\n"
            f"<body>\n{body}</body>\n</html>\n"
        )

    def write(self, files: OutputFiles, name: str) -> None:
        """Writes `<name>.md`, `<name>.html` and the pictures."""
        files.text(f"{name}.md", self.markdown())
        files.text(f"{name}.html", self.html())
        for picture, png in self.pictures.items():
            (files.folder / picture).write_bytes(png)


def text_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already, of texts rather than numbers."""
    rule = ["---" for _ in header]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def _anchor(title: str) -> str:
    """As GitHub makes it of a section's title."""
    return re.sub(r"\W+", "-", title.lower())


def _mark(tokens: list[Token]) -> None:
    """Gives sections their anchors, and cells the name of their column and a style by length."""
    heads: list[str] = []
    column = 0
    for token, inside in itertools.pairwise(tokens):
        if token.type == "heading_open" and token.tag == "h2":
            token.attrSet("id", _anchor(inside.content))
        elif token.type == "table_open":
            heads = []
        elif token.type == "th_open":
            heads.append(inside.content)
        elif token.type == "tr_open":
            column = 0
        elif token.type == "td_open":
            token.attrSet("data-head", heads[column])
            size = len(inside.content)
            if size > (_LONG if column else _LONG_ID):
                token.attrSet("class", "long longest" if size > _LONGEST else "long")
            column += 1


def _inside(tokens: list) -> Iterator:
    for token in tokens:
        yield token
        yield from _inside(token.children or [])
