"""Links between pages are written for the project's folders; the site has its own."""

import posixpath
import re

LINK = re.compile(r"\]\(((?:\.\./|docs/|results/)[^)\s#]+)")
WRITTEN = ("RESULTS.md", "CHANGELOG.md", "CONTRIBUTING.md", "results/")
"""Pages that do not come from docs/."""


def on_page_markdown(markdown: str, page, config, files) -> str:
    """MkDocs asks: a page's text, with its links as they are on the site."""
    place = page.file.src_uri
    origin = place if place.startswith(WRITTEN) else f"docs/{place}"

    def on_site(link: re.Match) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(origin), link[1]))
        target = target.removeprefix("docs/")
        return f"]({posixpath.relpath(target, posixpath.dirname(place) or '.')}"

    return LINK.sub(on_site, markdown)
