"""The write-ahead log of a SQLite file: until it is emptied it may hold what was erased."""

import sqlite3

BUSY_MS = 5000
"""So long a statement waits for others."""
_READERS_MS = 50


def checkpoint(database: sqlite3.Connection) -> bool:
    """Move the write-ahead log into the database and empty it; False where a reader keeps it alive."""
    database.execute(f"PRAGMA busy_timeout = {_READERS_MS}")
    try:
        busy, _, _ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        database.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    return not busy
