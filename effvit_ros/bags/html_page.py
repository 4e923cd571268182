"""A report as one HTML file that needs nothing beside it: pictures are inside."""
from __future__ import annotations

import base64
from html import escape
from pathlib import Path

import numpy as np

from effvit_ros.bags import plots
from effvit_ros.bags.markdown import title
from effvit_ros.bags.record import FRAMES, MODEL_STEPS, read_frames, read_timings, TIMINGS
from effvit_ros.bags.sections import headline, tables

CONTACT_SHEET = 'contact_sheet.jpg'
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
th { background: #f6f7f9; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums;
                       white-space: nowrap; }
.swatch { display: inline-block; width: .9em; height: .9em; margin-right: .5em;
          border: 1px solid #888; vertical-align: -.1em; }
.problems td { background: #fff6e5; }
img { max-width: 100%; height: auto; }
"""


def html_page(report, folder):
    """
    Return the page as text.

    :param folder: where the report's record and contact sheet lie.
    """
    folder = Path(folder)
    parts = [f'<h1>{escape(title(report))}</h1>', _cards(report)]
    for table in tables(report):
        parts += _table(table, report)
        if table.title == 'Classes':
            parts += _score_figures(report, folder)
        elif table.title.startswith('Time'):
            parts.append(_image(plots.latency_plot(_model_ms(report, folder)),
                                'histogram of the time for a frame'))
    body = '\n'.join(parts)
    return ('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width">\n'
            f'<title>{escape(title(report))}</title>\n<style>{_STYLE}</style>\n</head>\n'
            f'<body>\n{body}\n</body>\n</html>\n')


def _cards(report):
    cards = ''.join(f'<div><b>{escape(value)}</b><span>{escape(name)}</span></div>'
                    for name, value in headline(report))
    return f'<div class="cards">{cards}</div>'


def _table(table, report):
    colors = dict(zip(report['bundle']['classes'], report['bundle']['palette']))
    pages = {bag['name']: bag['folder'] for bag in report.get('bags', ())}

    def cell(tag, column, text):
        kind = ' class="number"' if column in table.numbers else ''
        content = escape(text)
        if tag == 'td' and column == 0 and table.title == 'Classes':
            color = plots.shown_color(colors[text])
            content = f'<span class="swatch" style="background:{color}"></span>{content}'
        elif tag == 'td' and column == 0 and table.title == 'Bags':
            content = f'<a href="{escape(pages[text])}/report.html">{content}</a>'
        return f'<{tag}{kind}>{content}</{tag}>'

    def row(tag, cells):
        return '<tr>' + ''.join(cell(tag, i, text) for i, text in enumerate(cells)) + '</tr>'
    kind = ' class="problems"' if table.title == 'Problems' else ''
    yield f'<h2>{escape(table.title)}</h2>'
    yield f'<div class="scroll"><table{kind}>{row("th", table.header)}'
    yield from (row('td', cells) for cells in table.rows)
    yield '</table></div>'
    if table.note:
        yield f'<p class="note">{escape(table.note)}</p>'


def _score_figures(report, folder):
    names = report['bundle']['classes']
    if report['classes_present']:
        yield '<h2>Confusion</h2>'
        yield _image(plots.confusion_plot(report['confusion'], names), 'confusion matrix')
        yield '<p class="note">Each row tells where the pixels of a true class went.</p>'
    if 'bag' not in report:
        return
    table = read_frames(folder / FRAMES, len(names))
    seconds = (table.stamps_ns - table.stamps_ns[0]) * 1e-9
    if (np.diff(seconds) < 0).any():
        # Stamps that jump back make no axis; the frames' order does.
        seconds = np.arange(len(seconds)) * float(np.median(np.abs(np.diff(seconds))))
    yield '<h2>Class areas over time</h2>'
    yield _image(plots.areas_plot(seconds, table.areas, names, report['bundle']['palette']),
                 'class areas over time')
    if not np.isnan(table.dice).all():
        yield '<h2>Score over time</h2>'
        yield _image(plots.course_plot(seconds, table.dice, 'mean Dice of the frame'),
                     'score over time')
    if not np.isnan(table.flips).all():
        yield '<h2>Flips over time</h2>'
        yield _image(plots.course_plot(seconds, table.flips, 'share of flipped pixels'),
                     'flips over time')
    sheet = folder / CONTACT_SHEET
    if sheet.is_file():
        yield '<h2>Worst and typical frames</h2>'
        yield _image(sheet.read_bytes(), 'worst and typical frames', 'jpeg')


def _model_ms(report, folder):
    parts = [read_timings(folder / sub / TIMINGS) for sub in report['records']]
    return np.concatenate([sum(part[step] for step in MODEL_STEPS) for part in parts])


def _image(content, description, form='png'):
    data = base64.b64encode(content).decode('ascii')
    return f'<p><img alt="{escape(description)}" src="data:image/{form};base64,{data}"></p>'
