"""A report from headings, tables and pictures: a self-contained HTML page, or Markdown."""
from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import Sequence, Tuple, Union

from effvit_compression.reporting.tables import cell, columns, markdown

STYLE = ('body{font:15px sans-serif;max-width:1100px;margin:2em auto;padding:0 1em}'
         'table{border-collapse:collapse;margin:1em 0}'
         'td,th{border:1px solid #ccc;padding:.25em .6em;text-align:right}'
         'td:first-child,th:first-child{text-align:left}img{max-width:100%}')


#: Headings, each with text, rows for a table, or the path of a PNG or JPEG.
Sections = Sequence[Tuple[str, Union[str, Path, list]]]


def page(title: str, sections: Sections) -> str:
    """Return the HTML page, pictures included."""
    parts = [f'<!doctype html><meta charset="utf-8"><title>{html.escape(title)}</title>'
             f'<style>{STYLE}</style><h1>{html.escape(title)}</h1>']
    for heading, content in sections:
        parts.append(f'<h2>{html.escape(heading)}</h2>')
        if isinstance(content, Path):
            data = base64.b64encode(content.read_bytes()).decode()
            kind = 'jpeg' if content.suffix == '.jpg' else 'png'
            parts.append(f'<img alt="{html.escape(heading)}" '
                         f'src="data:image/{kind};base64,{data}">')
        elif isinstance(content, str):
            parts.append(f'<p>{html.escape(content)}</p>')
        else:
            parts.append(table(content))
    return '\n'.join(parts) + '\n'


def markdown_page(title: str, sections: Sections) -> str:
    """Return the page as Markdown; pictures are named by their files."""
    parts = [f'# {title}\n']
    for heading, content in sections:
        if isinstance(content, Path):
            content = f'![{heading}]({content.name})'
        elif not isinstance(content, str):
            content = markdown(content)
        parts.append(f'## {heading}\n\n{content.rstrip()}\n')
    return '\n'.join(parts)


def table(rows: Sequence[dict]) -> str:
    """Rows as an HTML table."""
    if not rows:
        return '<p>none</p>'
    keys = columns(rows)
    head = ''.join(f'<th>{html.escape(key)}</th>' for key in keys)
    body = ''.join('<tr>' + ''.join(f'<td>{html.escape(cell(row.get(key)))}</td>'
                                    for key in keys) + '</tr>' for row in rows)
    return f'<table><tr>{head}</tr>{body}</table>'
