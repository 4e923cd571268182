"""A page as one HTML file that needs nothing beside it: pictures are inside."""
from __future__ import annotations

import base64
from html import escape

from effvit_ros.report.page import Table

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1240px; margin: 2em auto;
       padding: 0 1.2em; }
h1 { font-size: 1.6em; margin-bottom: .2em; }
h2 { font-size: 1.15em; margin: 2em 0 .6em; border-bottom: 1px solid #ddd; }
.cards { display: flex; flex-wrap: wrap; gap: .8em; margin: 1em 0; padding: 0; }
.cards div { border: 1px solid #ddd; border-radius: 6px; padding: .5em 1em; min-width: 7em; }
.cards b { display: block; font-size: 1.35em; font-variant-numeric: tabular-nums; }
.cards span, .note { color: #666; font-size: .88em; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92em; }
th, td { padding: .25em .8em; border-bottom: 1px solid #eee; text-align: left;
         vertical-align: top; overflow-wrap: anywhere; }
th { background: #f6f7f9; white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums;
                       white-space: nowrap; }
.swatch { display: inline-block; width: .9em; height: .9em; margin-right: .5em;
          border: 1px solid #888; vertical-align: -.1em; }
.warns td { background: #fff6e5; }
img { max-width: 100%; height: auto; }
"""


def html(page):
    """Return the :class:`~effvit_ros.report.page.Page` as text."""
    parts = [f'<h1>{escape(page.title)}</h1>', _cards(page.headline)]
    for item in page.items:
        parts.append(f'<h2>{escape(item.title)}</h2>')
        parts.append(_table(item) if isinstance(item, Table) else _image(item))
        if item.note:
            parts.append(f'<p class="note">{escape(item.note)}</p>')
    body = '\n'.join(parts)
    return ('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width">\n'
            f'<title>{escape(page.title)}</title>\n<style>{_STYLE}</style>\n</head>\n'
            f'<body>\n{body}\n</body>\n</html>\n')


def _cards(headline):
    cards = ''.join(f'<div><b>{escape(value)}</b><span>{escape(name)}</span></div>'
                    for name, value in headline)
    return f'<div class="cards">{cards}</div>'


def _table(table):
    def cell(tag, column, text):
        kind = ' class="number"' if column in table.numbers else ''
        content = escape(text)
        if tag == 'td' and column == 0:
            if text in table.links:
                content = f'<a href="{escape(table.links[text])}">{content}</a>'
            if text in table.swatches:
                color = table.swatches[text]
                content = f'<span class="swatch" style="background:{color}"></span>{content}'
        return f'<{tag}{kind}>{content}</{tag}>'

    def row(tag, cells):
        return '<tr>' + ''.join(cell(tag, i, text) for i, text in enumerate(cells)) + '</tr>'
    kind = ' class="warns"' if table.warns else ''
    rows = '\n'.join([row('th', table.header)] + [row('td', cells) for cells in table.rows])
    return f'<div class="scroll"><table{kind}>\n{rows}\n</table></div>'


def _image(figure):
    data = base64.b64encode(figure.content).decode('ascii')
    return (f'<p><img alt="{escape(figure.title)}" '
            f'src="data:image/{figure.form};base64,{data}"></p>')
