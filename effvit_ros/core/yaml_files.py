"""YAML files that a user wrote, with what is wrong in them in one line."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import yaml

from effvit_ros.core.errors import UserError


def read_yaml(path: Path, what: str) -> Dict[str, Any]:
    """
    Read the keys of a YAML file that the user calls ``what``.

    :raises UserError: missing, unreadable, no YAML, without keys, or with one twice.
    """
    try:
        fields = yaml.load(path.read_text(encoding='utf-8'), UniqueKeys)
    except OSError as error:
        raise UserError(f'{what} {path}: {error.strerror}') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f'{what} {path}: not YAML: {" ".join(str(error).split())}') from error
    if not isinstance(fields, dict):
        raise UserError(f'{what} {path}: it holds no keys (name: value)')
    return fields


class UniqueKeys(yaml.SafeLoader):
    """Refuses a key that a mapping has twice, of which YAML would take the last, and NUL."""

    def compose_scalar_node(self, anchor: Any) -> Any:
        """Compose; no name of a file, a class or anything else can hold a NUL."""
        node = super().compose_scalar_node(anchor)
        if '\0' in node.value:
            raise yaml.composer.ComposerError(
                None, None, 'a text with a NUL character', node.start_mark)
        return node

    def compose_mapping_node(self, anchor: Any) -> Any:
        """Compose before ``<<`` merges anything in: what is merged may be given again."""
        node = super().compose_mapping_node(anchor)
        names = [key.value for key, _ in node.value]
        twice = next((key for key, _ in node.value if names.count(key.value) > 1), None)
        if twice is not None:
            raise yaml.composer.ComposerError(
                None, None, f'key {twice.value!r} is there twice', twice.start_mark)
        return node
