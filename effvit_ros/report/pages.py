"""The report for readers: report.md and report.html beside report.json."""
from __future__ import annotations

from pathlib import Path

from effvit_ros.core.whole_file import write_text
from effvit_ros.report.html_page import html
from effvit_ros.report.markdown import markdown


def write_page(page, folder):
    """Write a :class:`~effvit_ros.report.page.Page` in both forms into a folder."""
    for name, text in (('report.md', markdown(page)), ('report.html', html(page))):
        write_text(Path(folder, name), text)
