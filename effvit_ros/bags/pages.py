"""The report for readers: report.md and report.html beside report.json."""
from __future__ import annotations

from pathlib import Path

from effvit_ros.bags.html_page import html
from effvit_ros.bags.markdown import markdown
from effvit_ros.core.whole_file import write_text


def write_page(page, folder):
    """Write a :class:`~effvit_ros.bags.page.Page` in both forms into a folder."""
    for name, text in (('report.md', markdown(page)), ('report.html', html(page))):
        write_text(Path(folder, name), text)
