"""`hearing serve`: the server of a data folder."""

import argparse
import asyncio
from pathlib import Path

TEXT = "Serve the meetings of a data folder."
_SETTINGS = ("data", "host", "port", "model", "tls_cert", "tls_key", "behind_proxy", "local_worker", "redis")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be set."""
    parser.add_argument("--config", type=Path, help="a TOML file with settings; docs/settings.md lists them")
    parser.add_argument("--data", help="the data folder (default: ./data)")
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1, this machine only)")
    parser.add_argument("--port", type=int, help="port to listen on (default: 8080; 0 takes a free one)")
    parser.add_argument("--model", help="speech model: a name (base) or the path of a folder")
    parser.add_argument("--tls-cert", help="PEM file of the certificate")
    parser.add_argument("--tls-key", help="PEM file of its key")
    parser.add_argument("--behind-proxy", action="store_const", const=True, help="a proxy in front speaks TLS")
    parser.add_argument("--no-worker", dest="local_worker", action="store_const", const=False, help="no captions here")
    parser.add_argument(
        "--redis", metavar="URL", help="keep the log in Redis, shared by servers: redis://user@host:6379"
    )


def serve(options: argparse.Namespace) -> None:
    """Serve until told to stop."""
    from hearing import app, config
    from hearing.app_parts import Server

    given = {name: getattr(options, name) for name in _SETTINGS}
    settings = config.from_environ(options.config, given)

    async def ready(server: Server) -> None:
        print(f"Serving {settings.folder} at {server.url}", flush=True)

    asyncio.run(app.serve(settings, ready))
