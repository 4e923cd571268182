"""The report for readers: report.md and report.html beside report.json."""
from __future__ import annotations

from pathlib import Path

from effvit_ros.bags.html_page import html_page
from effvit_ros.bags.markdown import markdown_page


def write_pages(report, folder):
    """Write the pages into the folder that holds the report's record."""
    Path(folder, 'report.md').write_text(markdown_page(report), encoding='utf-8')
    Path(folder, 'report.html').write_text(html_page(report, folder), encoding='utf-8')
