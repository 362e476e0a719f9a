"""Fails if a page of a built book has a link that leads nowhere, or loads anything from another host."""

import sys
import urllib.parse
from html.parser import HTMLParser
from pathlib import Path


class Page(HTMLParser):
    """Names of elements, links, and what the page loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.names.update(value for key, value in found.items() if key in ("id", "name") and value)
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        elif tag != "a":
            self.loads += [value for key, value in found.items() if key in ("href", "src") and value]


def main() -> None:
    book = Path(sys.argv[1]).resolve()
    pages = {path: Page(path.read_text()) for path in book.rglob("*.html")}
    faults, count = [], 0
    for path, page in pages.items():
        for link in page.loads + page.links:
            url = urllib.parse.urlsplit(link)
            if url.scheme or url.netloc:
                if link in page.loads:
                    faults.append(f"{path.relative_to(book)} loads {link}")
                continue
            # Of the page of errors, links are those of the server's root.
            if path.name == "404.html":
                continue
            count += 1
            there = (path.parent / urllib.parse.unquote(url.path)).resolve() if url.path else path
            if not there.exists():
                faults.append(f"{path.relative_to(book)}: {link}: no such file")
            elif url.fragment and there in pages and urllib.parse.unquote(url.fragment) not in pages[there].names:
                faults.append(f"{path.relative_to(book)}: {link}: no such heading")
    print("\n".join(sorted(set(faults))))
    print(f"{len(pages)} pages, {count} links, {len(set(faults))} faults")
    sys.exit(1 if faults or count < 1000 else 0)


if __name__ == "__main__":
    main()
