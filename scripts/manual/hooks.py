"""What MkDocs asks: pages that the contents do not name, and links as they are on the site."""

import posixpath
import re
from pathlib import Path

LINK = re.compile(r"\]\(((?:\.\./|docs/|results/)[^)\s#]+)")
WRITTEN = ("RESULTS.md", "CHANGELOG.md", "CONTRIBUTING.md", "results/")
"""Pages that do not come from docs/."""

SECTIONS = {
    "results/": "Results",
    "concepts/": "Concepts",
    "adding-": "How to add",
    "tutorials/": "Tutorials",
    "which-": "Tutorials",
    "": "Guides",
}
"""How a page's path begins -> where it stands, if the contents do not say."""


def on_config(config):
    """The contents, with every page that is there."""
    root = Path(config.config_file_path).parent
    pages = [path.relative_to(root / "docs").as_posix() for path in root.glob("docs/**/*.md")]
    pages += [path.relative_to(root).as_posix() for path in root.glob("results/*.md")]
    named = set(re.findall(r"[\w/-]+\.md", str(config.nav)))
    for page in sorted({*pages} - named):
        title = next(title for start, title in SECTIONS.items() if page.startswith(start))
        next(entry[title] for entry in config.nav if title in entry).append(page)
    return config


def on_page_markdown(markdown: str, page, config, files) -> str:
    """A page's text, with its links as they are on the site, not in the project's folders."""
    place = page.file.src_uri
    origin = place if place.startswith(WRITTEN) else f"docs/{place}"

    def on_site(link: re.Match) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(origin), link[1]))
        target = target.removeprefix("docs/")
        return f"]({posixpath.relpath(target, posixpath.dirname(place) or '.')}"

    return LINK.sub(on_site, markdown)
