"""One page, two forms."""
from __future__ import annotations

import pytest

pytest.importorskip('jinja2', reason="needs the extra 'bags'")

from effvit_ros.report.page import Figure, figure_of, Page, Table, table_of, Text  # noqa: E402
from effvit_ros.report.render import html, markdown, markdown_table, write_page  # noqa: E402

ROWS = [{'stage': 'teacher', 'mIoU a': 0.5}, {'stage': 'prune', 'mIoU a': None, 'x, ms': 1.25}]
PAGE = Page('Flight <1>', [('frames', '12')], [
    Table('Classes', ('class', 'IoU'), [('a|b', '0.5'), ('sky', '-')], (1,), 'A note.',
          {'a|b': '#ff0000'}, {'sky': 'sky/report.html'}, warns=True),
    Figure('Plot', b'123', file='plot.png'), Figure('Inside', b'1', 'jpeg'), Text('How', 'So.')])


def test_markdown_shows_tables_notes_and_pictures_that_are_files():
    assert markdown(PAGE) == '''# Flight <1>

- **frames**: 12

## Classes

| class | IoU |
| --- | ---: |
| a\\|b | 0.5 |
| sky | - |

A note.

## Plot

![Plot](plot.png)

## How

So.
'''


@pytest.mark.parametrize('part', [
    '<title>Flight &lt;1&gt;</title>',
    '<div><b>12</b><span>frames</span></div>',
    '<table class="warns">',
    '<tr><th>class</th><th class="number">IoU</th></tr>',
    '<span class="swatch" style="background:#ff0000"></span>a|b</td><td class="number">0.5</td>',
    '<td><a href="sky/report.html">sky</a></td>',
    '<p class="note">A note.</p>',
    'src="data:image/png;base64,MTIz"',
    'src="data:image/jpeg;base64,MQ=="',
])
def test_html_holds_everything(part):
    assert part in html(PAGE)


def test_rows_become_a_table_whose_columns_may_be_missing_in_the_first():
    assert markdown_table(ROWS).splitlines() == [
        '| stage | mIoU a | x, ms |', '| --- | ---: | ---: |', '| teacher | 0.500 | - |',
        '| prune | - | 1.250 |']
    assert table_of('t', []).rows == []


def test_both_forms_are_written_with_their_pictures(tmp_path):
    (tmp_path / 'a.jpg').write_bytes(b'12')
    write_page(Page('t', (), [figure_of('A', tmp_path / 'a.jpg')]), tmp_path)
    assert '![A](a.jpg)' in (tmp_path / 'report.md').read_text()
    assert 'data:image/jpeg;base64,MTI=' in (tmp_path / 'report.html').read_text()
