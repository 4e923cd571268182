"""Parameters that somebody gave and the node does not use: told, for they are simply off."""
from __future__ import annotations

import difflib
import re
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

import yaml

#: Declared by rclpy when publishers are made, which may be later.
_LATER = 'qos_overrides.'
_HOLDS = 'ros__parameters'


def unused_parameters(argv: Sequence[str], node: str, declared: Callable[[str], bool]) -> str:
    """
    Return in one line what the command line gives and the node does not use, '' for nothing.

    Sections of a parameter file that are for other nodes are no fault, unless the file has none
    for this one, or one whose name resembles this one's.

    :param argv: the command line with parameter files and ``-p``.
    :param node: the node's name with its namespace, such as /uav1/segmenter.
    :param declared: called with a parameter's name, returns whether the node has it.
    """
    unused: List[str] = []
    for source, sections in _given(argv):
        own = [name for name in sections if _is_for(name, node)]
        for name in own:
            unused += [f'{parameter} in {source}' for parameter in sections[name]
                       if not parameter.startswith(_LATER) and not declared(parameter)]
        meant = [name for name in sections if name not in own
                 and (not own or _resembles(name, node, own))]
        unused += [f'section {name} of {source}' for name in meant if sections[name]]
    if not unused:
        return ''
    return f'given, but not used by {node}: {"; ".join(unused)}'


def _given(argv: Sequence[str]) -> Iterator[Tuple[str, Dict[str, List[str]]]]:
    """Yield what was given: a file's or an argument's name, its sections -> parameter names."""
    words = iter(argv)
    for word in words:
        if word == '--params-file':
            path = next(words, '')
            yield path, _sections(_read(path))
        elif word in ('-p', '--param'):
            name = next(words, '').partition(':=')[0]
            section, _, parameter = name.rpartition(':')
            yield f'-p {name}', {section or '/**': [parameter]}


def _read(path: str) -> Any:
    try:
        with open(path, encoding='utf-8-sig') as file:
            return yaml.safe_load(file)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None  # rcl has refused it already, in its own words


def _sections(content: Any, prefix: str = '') -> Dict[str, List[str]]:
    """Return {name of a node with its namespace: names of its parameters} of nested mappings."""
    found: Dict[str, List[str]] = {}
    for name, value in content.items() if isinstance(content, dict) else ():
        if name == _HOLDS:
            found[prefix or '/'] = list(_names(value))
        else:
            found.update(_sections(value, f'{prefix}/{str(name).strip("/")}'))
    return found


def _names(parameters: Any, prefix: str = '') -> Iterator[str]:
    for name, value in parameters.items() if isinstance(parameters, dict) else ():
        if isinstance(value, dict):
            yield from _names(value, f'{prefix}{name}.')
        else:
            yield f'{prefix}{name}'


def _is_for(section: str, node: str) -> bool:
    """Return whether rcl gives a node the parameters of a section: * and ** are wildcards."""
    parts = [re.escape(part) for part in section.strip('/').split('/')]
    pattern = ''.join({r'\*\*': r'(/\w+)*', r'\*': r'/\w+'}.get(p, f'/{p}') for p in parts)
    return re.fullmatch(pattern, node) is not None


def _resembles(section: str, node: str, own: Sequence[str]) -> bool:
    """Return whether a section's name was probably meant to be the node's."""
    name, called = node.rpartition('/')[2], section.rpartition('/')[2]
    if called == name:  # of another namespace: of another aircraft, where this one has its own
        return not any(other.rpartition('/')[2] == name for other in own)
    return '*' not in called and bool(
        difflib.get_close_matches(called, (name, f'{name}_node'), cutoff=0.8))
