"""The demo: camera and segmenter as processes of their own, watched by a third."""
from __future__ import annotations

from typing import Optional, Sequence

from effvit_ros.core.errors import reports_user_errors


@reports_user_errors
def main(args: Optional[Sequence[str]] = None) -> int:
    """Run the command ``effvit_demo`` and return its exit code."""
    from effvit_ros.demo.command import main as command
    return command(args)
