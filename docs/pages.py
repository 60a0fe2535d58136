"""The pages of the documentation, laid out of what the repository holds: no text stands twice.

    python docs/pages.py lay FOLDER     write the pages for Sphinx, and a project to run
    python docs/pages.py check FOLDER   is what was built whole, and does it load nothing?

`make docs` calls both. Markdown of the repository is taken as it is, its links led to the pages;
notebooks stand with text and code, beside the report of a quick run.
"""

from __future__ import annotations

import json
import posixpath
import re
import shutil
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from room_pages import PROJECT, commands_page, room_page, rooms

OWN_DATA = "## Bring your own data"
FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(!?\[[^\]]*\]\()([^)\s]+)(\))")
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}


class Page(NamedTuple):
    """A page made of a Markdown file, or of its part from the line `begin` to the line `end`."""

    name: str
    path: str
    title: str
    begin: str = ""
    end: str = ""


CHAPTERS = {
    "Begin": (
        Page("start", "README.md", "Start"),
        Page("tutorial", "docs/tutorial.md", "Tutorial: public data"),
        Page("scope", "docs/scope.md", "What riskkit does not do"),
    ),
    "How to": (
        Page("own_data", "data/README.md", "Bring your own data", begin=OWN_DATA),
        Page("settings", "data/README.md", "Set limits, rules and funding", end=OWN_DATA),
        Page("schedule", "docs/schedule.md", "Run it every night"),
        Page("scale", "docs/scale.md", "Run more than memory holds"),
        Page("security", "docs/security.md", "Know what is trusted"),
    ),
    "Look up": (
        Page("glossary", "docs/glossary.md", "Glossary"),
        Page("reports", "reports/README.md", "What a report holds"),
        Page("compare", "docs/compare.md", "riskkit beside others"),
    ),
    "The project": (
        Page("contributing", "CONTRIBUTING.md", "Contribute"),
        Page("changes", "CHANGELOG.md", "What changed"),
    ),
}
PAGES = tuple(page for pages in CHAPTERS.values() for page in pages)


# -- Markdown of the repository --------------------------------------------------------------------


def text_of(page: Page) -> str:
    """Markdown of a page, its headings beginning with the first level.

    Raises
    ------
    ValueError
        Where a line that the page begins or ends with is not in its file.
    """
    text = (PROJECT / page.path).read_text(encoding="utf-8")
    for line in (page.begin, page.end):
        if line and f"\n{line}\n" not in text:
            raise ValueError(f"{page.path} has no line {line!r}")
    text = text.split(f"\n{page.end}\n")[0] if page.end else text
    if not page.begin:
        return text
    text = page.begin + "\n" + text.split(f"\n{page.begin}\n")[1]
    level = len(page.begin.split()[0]) - 1
    return _outside_code(lambda part: re.sub(rf"^#{{{level}}}(#+ )", r"\1", part, flags=re.M), text)


def links(text: str) -> Iterator[str]:
    """Targets of the links and pictures of a Markdown text, those in code left out."""
    for _, target, _ in LINK.findall(FENCE.sub("", text)):
        yield target


def led(page: Page, target: str) -> tuple[str, Path | None]:
    """Where a link of a page leads among the pages; and the file to be copied there, if it is none.

    Raises
    ------
    ValueError
        Where it leads to nothing, or out of the repository.
    """
    address = urlsplit(target)
    if address.scheme or not address.path:
        return target, None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page.path), unquote(address.path)))
    if path.startswith("..") or not (PROJECT / path).is_file():
        raise ValueError(f"{page.path}: a link leads to {target}, and there is no such file")
    for other in PAGES:
        if other.path == path and (not address.fragment or _has(other, address.fragment)):
            return f"{other.name}.md" + (f"#{address.fragment}" if address.fragment else ""), None
    if path.endswith(".md"):
        raise ValueError(f"{page.path}: a link leads to {target}, and no page has that")
    return f"files/{path}", PROJECT / path


def _has(page: Page, fragment: str) -> bool:
    """Whether a heading of a page has that anchor."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text_of(page)), re.MULTILINE)
    return fragment in {anchor(heading) for heading in headings}


def anchor(heading: str) -> str:
    """Anchor of a heading, as GitHub and MyST make it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _outside_code(change: object, text: str) -> str:
    """Text with what is not in fenced code changed."""
    done, last = [], 0
    for fence in FENCE.finditer(text):
        done += [change(text[last : fence.start()]), fence.group()]
        last = fence.end()
    return "".join([*done, change(text[last:])])


def markdown_page(page: Page, folder: Path) -> str:
    """Markdown of a page with its links led; files it shows are copied into the folder."""

    def lead(match: re.Match[str]) -> str:
        target, file = led(page, match[2])
        if file is not None:
            copy = folder / target
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy)
        return f"{match[1]}{target}{match[3]}"

    return _outside_code(lambda part: LINK.sub(lead, part), text_of(page))


# -- notebooks -------------------------------------------------------------------------------------


def notebooks() -> list[Path]:
    """The notebooks, in their order."""
    return sorted((PROJECT / "notebooks").glob("*.ipynb"))


def notebook_page(path: Path) -> str:
    """Markdown of a notebook: its text and its code, and the page a run made of it."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    link = (
        f'<a class="run" href="../quick/{path.stem}.html">The page that a quick run makes of it</a>'
    )
    lines: list[str] = []
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            # JupyterLab's anchors are the headings themselves
            lines += [re.sub(r"\]\(#([^)]+)\)", lambda m: f"](#{anchor(m[1])})", source), ""]
        elif source:
            lines += ["```python", source, "```", ""]
    lines[1:1] = ["", f"<p>{link}, with every figure and table.</p>", ""]
    return "\n".join(lines)


def lay_project(folder: Path) -> None:
    """A project of the synthetic lender to run, apart from the runs of whoever works here."""
    for name in ("notebooks", "data/policies"):
        shutil.copytree(PROJECT / name, folder / name, dirs_exist_ok=True)
    for path in (*(PROJECT / "data").glob("*.yaml"), PROJECT / "docs" / "glossary.md"):
        copy = folder / path.relative_to(PROJECT)
        copy.parent.mkdir(exist_ok=True)
        shutil.copy2(path, copy)


# -- all of it -------------------------------------------------------------------------------------


def lay(folder: Path) -> None:
    """Write the pages for Sphinx into a folder; those that are there and no longer wanted go."""
    wanted = {"index.md": _index(folder)}
    for page in PAGES:
        if (PROJECT / page.path).exists():
            wanted[f"{page.name}.md"] = markdown_page(page, folder)
    wanted["notebooks/index.md"] = _notebook_index()
    for path in notebooks():
        wanted[f"notebooks/{path.stem}.md"] = notebook_page(path)
    wanted["api/index.md"] = _room_index()
    for room in rooms():
        if room.name == "cli":
            wanted["api/cli.md"] = commands_page(room)
        else:
            wanted[f"api/{room.name}.rst"] = room_page(room)
    for old in folder.rglob("*.*"):
        if old.suffix in (".md", ".rst") and old.relative_to(folder).as_posix() not in wanted:
            old.unlink()
    for name, text in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # what has not changed is not read again by Sphinx
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _index(folder: Path) -> str:
    """The first page: docs/index.md, and the table of all pages for the side."""
    text = markdown_page(Page("index", "docs/index.md", ""), folder)
    chapters = {
        caption: [f"{page.title} <{page.name}>" for page in pages if (PROJECT / page.path).exists()]
        for caption, pages in CHAPTERS.items()
    }
    made = ["The notebooks <notebooks/index>", "The library <api/index>"]
    chapters["Look up"] = [*made, *chapters["Look up"]]
    return text + "".join(_toctree(caption, lines) for caption, lines in chapters.items())


def _toctree(caption: str, lines: list[str]) -> str:
    options = [":hidden:", *([f":caption: {caption}"] if caption else [])]
    return "\n".join(["", "```{toctree}", *options, "", *lines, "```", ""])


def _notebook_index() -> str:
    lines = [(PROJECT / "docs" / "notebooks.md").read_text(encoding="utf-8")]
    lines += ["| notebook | what it is for | figures |", "|---|---|---|"]
    for path in notebooks():
        title, said, *_ = "".join(
            json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"]
        ).split("\n\n")
        run = f'<a href="../quick/{path.stem}.html">of a run</a>'
        lines.append(f"| [{title.lstrip('# ')}]({path.stem}.md) | {said} | {run} |")
    return "\n".join(lines) + "\n" + _toctree("", [path.stem for path in notebooks()])


def _room_index() -> str:
    lines = [(PROJECT / "docs" / "api.md").read_text(encoding="utf-8")]
    group = ""
    for room in rooms():
        if room.group != group:
            group = room.group
            lines += ["", f"## {group.capitalize()}", "", "| room | question |", "|---|---|"]
        ending = "md" if room.name == "cli" else "rst"
        lines.append(f"| [{room.name}]({room.name}.{ending}) | {room.question} |")
    names = [room.name for room in rooms()]
    return "\n".join(lines) + "\n" + _toctree("", names)


# -- what was built --------------------------------------------------------------------------------


class _Links(HTMLParser):
    """What a page loads, where its links lead, and which anchors it has."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values.get("id", ""), values.get("name", "")}
        if tag in LOADED and LOADED[tag] in values:
            # a link of these kinds names a page and fetches nothing
            if values.get("rel") not in ("canonical", "search", "index", "next", "prev"):
                self.loads.append(values[LOADED[tag]])
        elif tag == "a" and values.get("href"):
            self.leads.append(values["href"])


def faults(folder: Path) -> list[str]:
    """Faults of the pages in a folder: links to nothing, and what is loaded from outside."""
    found: dict[Path, _Links] = {}
    wrong = []
    for path in sorted(folder.rglob("*.html")):
        found[path.resolve()] = parsed = _Links()
        parsed.feed(path.read_text(encoding="utf-8"))
    for path in folder.rglob("*.css"):
        outside = re.findall(
            r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^)'\"]*)", path.read_text()
        )
        wrong += [f"{path.relative_to(folder)} loads {target}" for target in outside]
    for path, links_ in found.items():
        name = path.relative_to(folder.resolve())
        for target in (*links_.loads, *links_.leads):
            address = urlsplit(target)
            if address.scheme or address.netloc:
                if target in links_.loads and address.scheme != "data":
                    wrong.append(f"{name} loads {target}")
                continue
            other = (path.parent / unquote(address.path)).resolve() if address.path else path
            fragment = unquote(address.fragment)
            if not other.exists():
                wrong.append(f"{name} leads to {target}, which is not there")
            elif fragment and other in found and fragment not in found[other].anchors:
                wrong.append(f"{name} leads to {target}, and there is no such place")
    return sorted(set(wrong))


def main(what: str, folder: Path) -> int:
    """Lay the pages, or check what was built of them."""
    if what == "lay":
        lay(folder / "pages")
        lay_project(folder / "lender")
        return 0
    wrong = faults(folder)
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
