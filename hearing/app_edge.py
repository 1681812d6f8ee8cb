"""An edge: it serves readers of what the home records, passes on what is sent, and on standby relays in its place."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

from hearing.app_parts import Server, opened_parts
from hearing.config import Config
from hearing.edgedesk import EdgeDesk
from hearing.home import Turns, Whereabouts, this_process
from hearing.listen import listening
from hearing.seams import Seams
from hearing.sources import Sources, rules_of
from hearing.standby import PATIENCE_S, Able, Standby


@asynccontextmanager
async def edge(config: Config, seams: Seams) -> AsyncIterator[tuple[Server, list[Awaitable[None]]]]:
    """Listen as an edge while the context lives; yield the server, and the work that it does."""
    async with opened_parts(config, seams, is_home=False) as parts:
        whereabouts, rules = Whereabouts(parts.board), rules_of(config)
        turns = Turns(parts.board, this_process(config.folder), Able(whereabouts, rules), patience_s=PATIENCE_S)
        app = parts.site(
            EdgeDesk(parts.keeper, parts.staff_token, Sources(rules, config.media)),
            home=lambda: whereabouts.url,
            relayed=turns.relayed if config.standby else None,
        )
        async with listening(config, app, parts.staff_token) as addresses:
            work: list[Awaitable[None]] = [whereabouts.run(), parts.feeder.run(parts.keeper.changed)]
            if config.standby:
                attendant = parts.attendant()
                work += [parts.dispatch.run(), Standby(parts.keeper, attendant, turns, parts.store).run()]
            if config.standby and config.local_worker:
                work.append(parts.keep_worker(addresses))
            yield parts.server(addresses.url), work
