"""A page as Markdown."""
from __future__ import annotations

from effvit_ros.report.page import Table


def markdown(page):
    """Return the :class:`~effvit_ros.report.page.Page` as text; pictures only where files are."""
    lines = [f'# {page.title}', '']
    lines += [f'- **{name}**: {value}' for name, value in page.headline]
    for item in page.items:
        if isinstance(item, Table):
            lines += ['', f'## {item.title}', '', *_table(item)]
        elif item.file:
            lines += ['', f'## {item.title}', '', f'![{item.title}]({item.file})']
        else:
            continue
        if item.note:
            lines += ['', item.note]
    return '\n'.join(lines) + '\n'


def _table(table):
    rules = ['---:' if column in table.numbers else '---' for column in range(len(table.header))]
    for cells in [table.header, rules, *table.rows]:
        yield '| ' + ' | '.join(cell.replace('|', '\\|') for cell in cells) + ' |'
