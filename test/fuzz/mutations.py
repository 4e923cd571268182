"""What happens to files on their way: cut off, flipped bits, other types and sizes in them."""
from __future__ import annotations

import copy
import json

import yaml
from hypothesis import strategies as st

#: Values that no key of any file means.
ODD = st.sampled_from([
    None, True, -1, 0, 10**30, 2**31, 1e308, float('nan'), float('inf'), '', 'x', '..', '/', '\0',
    'é' * 300, [], {}, [[]], [None], {'x': None}, [0] * 300, '2026-01-01', b'\xff'])
_SIZES = st.sampled_from([b'\xff\xff\xff\x7f', b'\xff' * 8, b'\0' * 8, b'\x7f\xff\xff\xff'])


@st.composite
def damaged(draw, content):
    """Return ``content`` (bytes) cut off, with other bytes in it or with a piece missing."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        kind = draw(st.sampled_from(['cut', 'flip', 'bytes', 'size', 'gone', 'twice', 'zeros']))
        if kind == 'cut':
            del data[place:]
        elif kind == 'flip' and data:
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == 'bytes':
            data[place:place] = draw(st.binary(min_size=1, max_size=20))
        elif kind == 'size':
            size = draw(_SIZES)
            data[place:place + len(size)] = size
        elif kind == 'gone':
            del data[place:place + draw(st.integers(1, 64))]
        elif kind == 'twice':
            data += data[place:]
        elif kind == 'zeros':
            data[place:place + 64] = bytes(64)
    return bytes(data)


@st.composite
def rewritten(draw, document, dump=yaml.safe_dump):
    """Return a structured text whose values have been exchanged for odd ones, as bytes."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 2))):
        places = list(_places(document))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        action = draw(st.sampled_from(['value', 'value', 'value', 'gone', 'key']))
        if action == 'value':
            holder[key] = copy.deepcopy(draw(ODD))  # the next round may change it
        elif action == 'gone' or isinstance(holder, list):
            del holder[key]
        else:
            holder[draw(st.sampled_from(['x', 7, None, 'Größe']))] = holder.pop(key)
    return dump(document).encode('utf-8', 'surrogateescape')


def json_text(document):
    """Return a document as JSON; what it has no form for becomes a text."""
    return json.dumps(document, default=str)


def _places(document):
    """Yield (container, key) of every value in a document."""
    keys = document if isinstance(document, dict) else range(len(document)) \
        if isinstance(document, list) else ()
    for key in list(keys):
        yield document, key
        yield from _places(document[key])
