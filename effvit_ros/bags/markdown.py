"""A report as a Markdown page."""
from __future__ import annotations

from effvit_ros.bags.sections import headline, tables


def markdown_page(report):
    """Return the page as text."""
    lines = [f'# {title(report)}', '']
    lines += [f'- **{name}**: {value}' for name, value in headline(report)]
    for table in tables(report):
        lines += ['', f'## {table.title}', '']
        lines += _table(table)
        if table.note:
            lines += ['', table.note]
    if 'bag' in report:
        lines += ['', '## Worst and typical frames', '', '![contact sheet](contact_sheet.jpg)']
    return '\n'.join(lines) + '\n'


def title(report):
    """Return the page's title."""
    what = report['bag']['name'] if 'bag' in report else f"{len(report['bags'])} bags"
    return f"{report['bundle']['name']} on {what}"


def _table(table):
    rules = ['---:' if column in table.numbers else '---' for column in range(len(table.header))]
    for cells in [table.header, rules, *table.rows]:
        yield '| ' + ' | '.join(cell.replace('|', '\\|') for cell in cells) + ' |'
