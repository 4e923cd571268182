"""Changes to the fields of a recipe: by a mapping, or from the command line."""
from __future__ import annotations

import copy
from typing import Any, Mapping, Sequence

import yaml

from effvit_ros.core.errors import UserError


def merged(fields: Any, changes: Any) -> Any:
    """
    Return ``fields`` with ``changes``; neither is altered.

    Mappings merge key by key, None removes a key, anything else replaces what was there.
    """
    if not isinstance(changes, Mapping):
        return copy.deepcopy(changes)
    result = copy.deepcopy(dict(fields)) if isinstance(fields, Mapping) else {}
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def with_settings(fields: Any, settings: Sequence[str]) -> Any:
    """
    Return ``fields`` after settings such as ``teacher.model=FOLDER`` or ``data.2.flight=null``.

    :raises UserError: one is not of this form, or its value is no YAML.
    """
    for setting in settings:
        key, sign, text = setting.partition('=')
        if not (key and sign):
            raise UserError(f'--set {setting}: give it as key.key=value')
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise UserError(f'--set {setting}: the value is not YAML') from error
        fields = _with(fields, key.split('.'), value, setting)
    return fields


def _with(fields: Any, path: Sequence[str], value: Any, setting: str) -> Any:
    if not path:
        return value
    if isinstance(fields, list):
        if not path[0].isdigit() or int(path[0]) >= len(fields):
            raise UserError(f'--set {setting}: {path[0]} is no place in a list of {len(fields)}')
        index = int(path[0])
        return [*fields[:index], _with(fields[index], path[1:], value, setting),
                *fields[index + 1:]]
    result = dict(fields) if isinstance(fields, Mapping) else {}
    key = next((key for key in result if str(key) == path[0]), path[0])  # YAML has numbers, too
    result[key] = _with(result.get(key), path[1:], value, setting)
    if result[key] is None:
        del result[key]
    return result
