"""A report as Markdown with pictures beside it, and as one HTML file that needs nothing else."""

import base64
import dataclasses
import html
from collections.abc import Iterable, Iterator, Sequence

from markdown_it import MarkdownIt

from serving.evaluation.output_files import OutputFiles

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
  color: #1a1a1a; background: #fff; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 0.92rem; display: block;
  overflow-x: auto; }
th, td { border-bottom: 1px solid #ddd; padding: 0.3rem 0.7rem; text-align: left;
  vertical-align: top; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
thead th { border-bottom: 2px solid #999; white-space: nowrap; }
thead:not(:has(th:not(:empty))) { display: none; }
img { max-width: 100%; height: auto; }
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

    def markdown(self) -> str:
        """The page, with pictures by their file names."""
        return "\n\n".join(self.parts) + "\n"

    def html(self) -> str:
        """The page, with its pictures inside."""
        markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
        tokens = markdown.parse(self.markdown())
        for token in _inside(tokens):
            if token.type == "image":
                encoded = base64.b64encode(self.pictures[str(token.attrs["src"])]).decode()
                token.attrs["src"] = f"data:image/png;base64,{encoded}"
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


def _inside(tokens: list) -> Iterator:
    for token in tokens:
        yield token
        yield from _inside(token.children or [])
