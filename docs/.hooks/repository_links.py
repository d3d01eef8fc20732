"""Links of pages to files of the repository that are no pages. MkDocs calls this for each page.

With a `repo_url` in mkdocs.yml they lead there, else the site has their text alone. A file that is not there is a warning.
"""

import logging
import re
from pathlib import Path

OUTSIDE = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+[^)#]+)\)")
log = logging.getLogger("mkdocs.plugins.repository_links")


def on_page_markdown(markdown, page, config, files):
    """The text of the page with such links replaced."""
    pages = Path(config.docs_dir)

    def replaced(link):
        target = (pages / page.file.src_uri).parent.joinpath(link[2]).resolve()
        if target.is_relative_to(pages.resolve()):
            return link[0]
        if not target.exists():
            log.warning("%s: the repository has no %s", page.file.src_uri, link[2])
        if not config.repo_url:
            return link[1]
        return f"[{link[1]}]({config.repo_url.rstrip('/')}/tree/main/{target.relative_to(pages.resolve().parent)})"

    return OUTSIDE.sub(replaced, markdown)
