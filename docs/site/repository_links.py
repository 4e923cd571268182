"""
A hook of mkdocs: links from the docs to files of the repository.

The site has no repository, so such a link becomes its text with the file's path; one that leads
nowhere is a warning, which ends a strict build.
"""
import logging
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r'(!?)\[([^\]]*)\]\((?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?\)')
LOG = logging.getLogger('mkdocs.hooks.repository_links')


def on_page_markdown(markdown, page, config, **_):
    """Return the page with its links out of ``docs/`` replaced."""
    docs = Path(config.docs_dir).resolve()

    def replaced(match):
        picture, text, target, anchor = match.groups()
        path = (docs / Path(page.file.src_uri).parent / target).resolve()
        # README.md's place on the site is index.md.
        inside = docs in path.parents and not {'docker', 'examples'} & {
            part for part in path.relative_to(docs).parts[:1]}
        if picture or inside:
            return match.group()
        if not path.exists():
            LOG.warning("%s: the link to '%s' leads nowhere", page.file.src_uri, target)
            return text
        if path == ROOT / 'README.md':
            return f'[{text}](index.md)'
        return f'{text} (`{path.relative_to(ROOT)}`)'
    return LINK.sub(replaced, markdown)
