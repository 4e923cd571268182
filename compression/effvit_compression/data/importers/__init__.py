"""
Exports of labelling tools, one reader a file: each gives an :class:`export.Export`.

A new format is one file with ``recognises(folder)`` and ``read(folder, options)`` and a name in
:mod:`forms`.
"""
