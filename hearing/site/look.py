"""How a page is made: a template, the reader's words, and addresses that keep the reader's language."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from babel.dates import format_date
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from hearing import lang
from hearing.site import geneva
from hearing.site.i18n import Catalogues, Words
from hearing.site.web import Web


class Look:
    """Templates, words and files of the pages. `searchable`: there is a page to search them all."""

    def __init__(self, web: Web, catalogues: Catalogues) -> None:
        self.web = web
        self.searchable = False
        self.catalogues = catalogues
        self._templates = Environment(
            loader=FileSystemLoader(web.folder / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def words(self, request: Request) -> Words:
        """Return the words for this reader."""
        asked = request.query_params.get("l")
        return self.catalogues.choose(asked, request.headers.get("Accept-Language", ""))

    def page(
        self,
        request: Request,
        template: str,
        shown: Mapping[str, Any],
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Answer with a page."""
        vary = {"Vary": "Accept-Language, Save-Data, Accept-Encoding"}
        return HTMLResponse(self.render(request, template, shown), status, {**vary, **(headers or {})})

    def render(self, request: Request, template: str, shown: Mapping[str, Any]) -> str:
        """Fill a template."""
        about = {"asset": self.web.address, "searchable": self.searchable, "link": Link(request)}
        return self.fill(template, self.words(request), {**about, **shown})

    def fill(self, template: str, words: Words, shown: Mapping[str, Any]) -> str:
        """Fill a template for whoever is no request: `shown` says where links lead and where files are."""
        return self._templates.get_template(template).render(
            t=words.t,
            tn=words.tn,
            words=words,
            languages=lang.NAMES,
            direction=lang.direction,
            day=lambda utc_ms, pattern: format_date(geneva.at(utc_ms), pattern, locale=words.locale),
            iso=geneva.iso,
            clock=lambda utc_ms: f"{geneva.at(utc_ms):%H:%M}",
            **shown,
        )


class Link:
    """Makes addresses within the site; the language the reader chose by address stays chosen."""

    def __init__(self, request: Request) -> None:
        self._path = request.url.path
        self._query = dict(request.query_params)
        self.language = self._query["l"] if self._query.get("l") in lang.NAMES else None

    def to(self, path: str, **query: str | None) -> str:
        """Return an address of another page."""
        return _address(path, {"l": self.language, **query})

    @staticmethod
    def of(address: str, **query: str | None) -> str:
        """Return an address of whatever site, in no language."""
        return _address(address, query)

    def here(self, **query: str | None) -> str:
        """Return this page's address with some of its query changed; None takes a part away."""
        known = {name: value for name, value in self._query.items() if name in _KEPT}
        return _address(self._path, {**known, **query})


_KEPT = (
    *("channel", "hear", "mode", "t", "q", "all", "l"),
    *("language", "body", "dialogue", "meeting", "from", "to", "speaker", "order", "page"),
)


def _address(path: str, query: Mapping[str, str | None]) -> str:
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path
