"""A page as one HTML file that needs nothing next to it, and as Markdown."""
from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, Mapping, Sequence

from jinja2 import Environment, PackageLoader, Template

from effvit_ros.core.whole_file import write_text
from effvit_ros.report.page import Page, table_of


def html(page: Page) -> str:
    """Return the page as HTML, its pictures inside."""
    return _template('page.html').render(page=page)


def markdown(page: Page) -> str:
    """Return the page as Markdown; it shows those pictures that are files next to it."""
    return _template('page.md').render(page=page)


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as a Markdown table, as :func:`~effvit_ros.report.page.table_of` does."""
    return _template('table.md').render(item=table_of('', rows))


def write_page(page: Page, folder: Path) -> None:
    """Write report.md and report.html into a folder, each as a whole."""
    for name, text in (('report.md', markdown(page)), ('report.html', html(page))):
        write_text(Path(folder, name), text)


def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader('effvit_ros.report'), autoescape=name.endswith('.html'),
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    environment.filters['base64'] = lambda content: base64.b64encode(content).decode('ascii')
    environment.filters['cell'] = lambda text: str(text).replace('|', '\\|')
    return environment.get_template(name)
