"""Join the site's rooms into one ASGI app: what people read, the media they play, and the workers who caption it."""

from collections.abc import Callable, Collection

from starlette.types import ASGIApp

from hearing.board.base import Board
from hearing.log.base import Log
from hearing.meeting import House
from hearing.qa.office import Office
from hearing.site import api, captioning, inviting, media, rehearsing, worker
from hearing.site.assemble import assemble
from hearing.site.folds import Window
from hearing.site.recorded import Recorded
from hearing.site.searching import Searching
from hearing.store.base import Store
from hearing.transcribe.dispatch import Dispatch


def build(
    *,
    log: Log,
    windows: Window,
    board: Board,
    store: Store,
    house: Callable[[], House],
    staff: api.Staff,
    office: Office,
    dispatch: Dispatch,
    worker_token: str,
    now_ms: Callable[[], int],
    search: Searching | None = None,
    home: Callable[[], str] | None = None,
    relayed: Collection[str] | None = None,
) -> ASGIApp:
    """Build the site of a server. `staff` and `worker_token` say who may do more than read; `now_ms` gives UTC.

    On an edge `home` tells where the home is reached, and `relayed` are the meetings that it relays in its place.
    """
    whole, house = house, rehearsing.shown(house)
    more = [
        *media.routes(log, store, house),
        *worker.routes(dispatch.workers, worker_token),
        *inviting.routes(office, staff),
        *captioning.routes(office, house, staff, dispatch),
    ]
    return assemble(
        log=log,
        windows=windows,
        board=board,
        house=whole,
        staff=staff,
        media=Recorded(store).tracks,
        more=more,
        office=office,
        now_ms=now_ms,
        search=search,
        dispatch=dispatch,
        home=home,
        relayed=relayed,
    )
