"""The one exception type for mistakes that a user can mend."""
from __future__ import annotations

import functools
import sys
from typing import Any, Callable


class UserError(Exception):
    """A mistake in what the user handed in: one line that names it, its value and the fix."""


def reports_user_errors(main: Callable[..., int]) -> Callable[..., int]:
    """
    Wrap a command's ``main`` so that a user's mistake prints one line.

    The wrapped function returns 2 after a :class:`UserError` (``error: ...`` on stderr) or
    where a library is missing, and 130 after Ctrl-C, else what ``main`` returns.
    """
    @functools.wraps(main)
    def wrapper(*args: Any, **kwargs: Any) -> int:
        try:
            return main(*args, **kwargs)
        except UserError as error:
            print(f'error: {error}', file=sys.stderr)
            return 2
        except ImportError as error:
            from effvit_ros.core.missing import import_problem
            problem = import_problem(error)
            if problem is None:
                raise
            print(f'error: {problem}', file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print('interrupted', file=sys.stderr)
            return 130
    return wrapper
