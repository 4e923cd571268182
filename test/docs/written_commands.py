"""The commands that README.md and docs/*.md tell users to type, block by block."""
from __future__ import annotations

import re
import shlex
from typing import List, NamedTuple

from command_parsers import ROOT

PAGES = [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]
_FENCE = re.compile(r'^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$',
                    re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r'(?<!`)`([^`\n]+)`(?!`)')
_HERE_DOCUMENT = re.compile(r"<<'?(\w+)'?\n.*?^\1$", re.MULTILINE | re.DOTALL)

_QUOTED_OR_COMMENT = re.compile(r"""("[^"]*"|'[^']*')|(?:^|(?<=\s))\#[^\n]*""", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block: its page, its language, and what stands in it."""

    page: str
    language: str
    text: str

    @property
    def name(self):
        """Return the page with the first line, which tells blocks apart."""
        return f'{self.page}: {" ".join(self.text.split(chr(10))[0].split())}'


class Command(NamedTuple):
    """A command as its words, and where it stands."""

    words: List[str]
    where: str
    #: With brackets for what may be left out: no command to type as it is.
    synopsis: bool = False


def blocks():
    """Return all fenced blocks, in order, without their indent."""
    found = []
    for path in PAGES:
        for match in _FENCE.finditer(path.read_text(encoding='utf-8')):
            lines = match['text'].splitlines()
            text = '\n'.join(line[len(match['indent']):] for line in lines)
            found.append(Block(str(path.relative_to(ROOT)), match['language'], text))
    return found


def commands():
    """Return the commands in all shell blocks."""
    return [command for block in blocks() if block.language in ('sh', 'bash', 'console')
            for command in commands_in(typed(block), block.name)]


def inline_commands(names):
    """Return the commands in running text that begin with one of ``names`` and say more."""
    found = []
    for path in PAGES:
        text = _FENCE.sub('', path.read_text(encoding='utf-8'))
        for code in _INLINE.findall(re.sub(r'(?<=[^\n])\n *(?=[^\n])', ' ', text)):
            if code.split()[0] in names and ' ' in code:
                found += commands_in(code, f'{path.relative_to(ROOT)}: `{code}`')
    return found


def typed(block):
    """Return what is typed of a block; a console's output is not."""
    if block.language == 'console':
        return '\n'.join(line[2:] for line in block.text.splitlines() if line.startswith('$ '))
    return block.text


def commands_in(text, where):
    """Return a text's commands: continued lines joined, comments and plumbing left out."""
    text = _HERE_DOCUMENT.sub('', text)
    text = _QUOTED_OR_COMMENT.sub(lambda match: match[1] or '', re.sub(r'\\\n\s*', ' ', text))
    text = text.replace('$(ros2 pkg prefix --share effvit_ros)', '$SHARE')
    text = text.replace('<this repository>', 'URL')
    found = []
    for line in re.sub(r'\n[ \t]+(?=\S)', ' ', text).splitlines():
        if re.search(r'\s\[|\.\.\.(\s|$)', line):  # its brackets and bars are no shell
            found.append(Command(line.split(), where, True))
        else:
            found += [Command(words, where) for words in _words(line)]
    return found


def _words(line):
    """Yield the words of each command in a line."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=';&|')
    lexer.whitespace_split, lexer.commenters = True, ''
    pieces = [[]]
    for token in lexer:
        if set(token) <= set(';&|'):
            pieces.append([])
        else:
            pieces[-1].append(token)
    for words in pieces:
        while words and re.match(r'\w+=|(sudo|export|srun)$', words[0]):
            words = words[3:] if words[:2] == ['sudo', '-u'] else words[1:]
        if words[:2] == ['bash', '-c']:
            yield from _words(words[2])
        elif words:
            yield words
