"""Support for published questions: how many readers want the answer too. A number for people, never an order.

A browser brings a random voice. What is kept of it is an HMAC under a key of the dialogue that differs for every
question: a voice counts once for each, and nobody can tell what else it supported.
"""

import hashlib
import hmac
import re

from hearing.desk_events import QuestionSupported, decode_support, encode_support, support_stream
from hearing.errors import Refused
from hearing.log.base import Log
from hearing.qa.quota import Quota
from hearing.qa.vault import Vault

_VOICE = re.compile(r"[A-Za-z0-9_-]{32,64}")
_KEPT = 24


class Support:
    """What one dialogue's questions have of it; folded when it is asked for."""

    def __init__(self, dialogue: str, log: Log, vault: Vault, quota: Quota) -> None:
        self._stream = support_stream(dialogue)
        self._secret_name = f"{dialogue}/support"
        self._log = log
        self._vault = vault
        self._quota = quota
        self._position = 0
        self._voices: dict[str, set[str]] = {}

    async def counts(self) -> dict[str, int]:
        """Return how many support each question."""
        while records := await self._log.read(self._stream, self._position, 4096):
            for record in records:
                self._follow(decode_support(record.body))
                self._position = record.position
        return {question: len(voices) for question, voices in self._voices.items()}

    async def add(self, question: str, voice: str) -> None:
        """Count a voice; twice is once. Raises Refused for what is no voice, Unavailable where too much comes in."""
        if not _VOICE.fullmatch(voice):
            raise Refused("This is not what the page sends. Open it again.")
        await self.counts()
        secret = await self._vault.secret(self._secret_name)
        kept = hmac.new(secret, f"{question} {voice}".encode(), hashlib.sha256).hexdigest()[:_KEPT]
        if kept in self._voices.get(question, ()):
            return
        self._quota.take()
        event = QuestionSupported(question, kept)
        await self._log.append(self._stream, [encode_support(event)], key=f"{question} {kept}")

    def _follow(self, event: QuestionSupported | None) -> None:
        if event:
            self._voices.setdefault(event.question, set()).add(event.voice)
