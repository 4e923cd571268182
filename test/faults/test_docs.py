"""docs/faults.md names tests that exist, and every fault test is named in it."""
from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / 'docs' / 'faults.md'


def test_every_row_leads_to_a_test_and_every_test_to_a_row():
    linked = {(PAGE.parent / path).resolve()
              for path in re.findall(r'\]\((\.\./test/[\w/]+\.py)\)', PAGE.read_text())}
    assert [path for path in linked if not path.is_file()] == []
    here = set(Path(__file__).parent.glob('test_*.py')) - {Path(__file__).resolve()}
    assert here - linked == set()
