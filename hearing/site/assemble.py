"""Join what readers and staff use into one ASGI app: pages, feed, API and files, and what wraps them."""

import secrets
from collections.abc import Callable, Collection, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from hearing.board.base import Board
from hearing.errors import HearingError
from hearing.log.base import Log
from hearing.meeting import House
from hearing.qa.office import Office
from hearing.site import api, desk, exporting, feed, i18n, openapi, pages, redactions, rehearsing, searching, web
from hearing.site.dialogue import Rooms
from hearing.site.edge import Edge
from hearing.site.faults import Faults
from hearing.site.folds import Folds, Window
from hearing.site.headers import Headers
from hearing.site.look import Look
from hearing.site.origin import SameOrigin
from hearing.site.searching import Searching
from hearing.transcribe.dispatch import Dispatch


def assemble(
    *,
    log: Log,
    windows: Window,
    board: Board,
    house: Callable[[], House],
    staff: api.Staff,
    media: pages.Media,
    more: Sequence[BaseRoute],
    now_ms: Callable[[], int],
    office: Office | None = None,
    search: Searching | None = None,
    dispatch: Dispatch | None = None,
    home: Callable[[], str] | None = None,
    relayed: Collection[str] | None = None,
) -> ASGIApp:
    """Build what reads: pages, feed, API and files, with `more` routes beside them; with an office, the questions.

    On an edge `home` tells where the home is reached, which answers what is not only read; `relayed` are the meetings
    that the edge relays in its place.

    `house` is whole, with its rehearsals. Every route is given it as whoever asks may see it. With `search`, all that
    was said in public can be searched; `dispatch` takes what captioners type.
    """
    whole, house = house, rehearsing.shown(house)
    files = web.load()
    look = Look(files, i18n.load(files.folder / "locale"))
    look.searchable = search is not None
    folds = Folds(log, windows)
    source = feed.Source(log, windows, board, folds)
    faults = Faults(look)
    rooms = Rooms(look, office, house, folds, board, staff, now_ms, dispatch) if office else None
    site = pages.Site(look, folds, board, source, house, media, rooms)
    site_app = Starlette(
        routes=[
            *web.routes(files),
            *feed.routes(source, house),
            *openapi.routes(),
            *api.routes(folds, house, staff),
            *redactions.routes(house, staff, lambda: secrets.token_hex(8)),
            *exporting.routes(folds, house, staff, look.catalogues),
            *more,
            *(searching.routes(look, search) if search else ()),
            *(desk.routes(rooms) if rooms else ()),
            *pages.routes(site),
        ],
        middleware=[
            *([Middleware(Edge, home, relayed, staff, faults.expected)] if home else ()),
            Middleware(SameOrigin, refuse=faults.expected),
            Middleware(rehearsing.Rehearsing, whole, rehearsing.staff_check(staff, office), folds.forget),
            Middleware(GZipMiddleware, compresslevel=6, exclude_content_types=DEFAULT_EXCLUDED_CONTENT_TYPES),
        ],
        exception_handlers={HearingError: faults.expected, HTTPException: faults.http, Exception: faults.bug},
    )
    site_app.router.redirect_slashes = False  # it would send to plain http, and to whatever Host was asked
    return Headers(site_app)
