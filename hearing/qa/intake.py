"""What participants do, by their receipt: send, ask what became of it, reply, narrow, withdraw.

Sending is idempotent: the item's id comes from the receipt, so a resend, an offline queue and a lost answer are one
case. The same content again has the same answer; another content is a Conflict; after withdrawal it is Gone.
"""

import re
import unicodedata
from collections.abc import Callable, Collection

import msgspec

from hearing.agenda import titles
from hearing.desk_events import Ceiling, ItemReceived, Kind, SourceClass, bucket_of, item_subject
from hearing.errors import Conflict, Gone, NotFound, Refused, Unavailable
from hearing.meeting import Meeting
from hearing.qa import decisions, receipt
from hearing.qa.desk import Desk
from hearing.qa.fold import Notice
from hearing.qa.item import Item
from hearing.qa.profile import Rules
from hearing.qa.quota import Quota
from hearing.qa.receipt import Keys
from hearing.qa.vault import Vault

MOST_ITEMS = 20_000
MOST_NAME = 100
MOST_REPLY = 2_000

_ITEM = re.compile(r"[0-9a-f]{32}")
_AUTH = re.compile(r"[0-9a-f]{64}")
# What stands in the log in the clear has no room for words.
_BLOCK = re.compile(r"[a-z0-9-]{0,64}")
# Unicode's kinds of what shows nothing by itself, and the fillers it counts as letters or symbols.
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Mc", "Me", "Mn", "Zl", "Zp", "Zs"))
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")


class Submission(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What somebody sends. `block`, `meeting` and `call` name what it is about, where it is known."""

    kind: Kind
    text: str
    language: str
    ceiling: Ceiling
    name: str = ""
    source_class: SourceClass = "undisclosed"
    block: str = ""
    meeting: str = ""
    call: str = ""


class Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is sealed: the words, and the name that goes with them."""

    text: str
    name: str = ""


_decoder = msgspec.json.Decoder(Content)
read_content = _decoder.decode


class Intake:
    """Takes in what is sent to one dialogue."""

    def __init__(self, desk: Desk, vault: Vault, quota: Quota, now_ms: Callable[[], int]) -> None:
        self._desk = desk
        self._vault = vault
        self._quota = quota
        self._now_ms = now_ms

    async def submit(self, keys: Keys, wanted: Submission, rules: Rules, meetings: Collection[Meeting]) -> Item:
        """Take an item in; durable on return. The same again returns the item as it is by now.

        `meetings` are those of the dialogue.

        Raises Refused for what cannot be taken, Conflict where other content came under this receipt, Gone where it
        was withdrawn, Unavailable where too much comes in at once.
        """
        check_keys(keys)
        wanted = tidy(wanted)
        check(wanted, rules, keys.item)
        state = await self._desk.refresh()
        if wanted.meeting and wanted.meeting not in [meeting.id for meeting in meetings]:
            raise Refused("This dialogue has no such meeting.")
        if wanted.call and (wanted.call not in state.notices or not state.notices[wanted.call].posted.call):
            raise Refused("There is no such call for information.")
        if known := state.items.get(keys.item):
            return await self._same(known, keys, wanted)
        if wanted.call and not _open(state.notices[wanted.call]):
            raise Refused("This call for information is closed. Send it without naming the call.")
        if wanted.block and wanted.block not in titles(meetings):
            raise Refused("There is no such block of the agenda.")
        self._make_room()
        await self._append(keys, wanted)
        return await self._same(self._desk.state.items[keys.item], keys, wanted)

    async def find(self, keys: Keys) -> Item:
        """Return the item of a receipt. Raises NotFound; a wrong proof gives the same answer."""
        check_keys(keys)
        item = (await self._desk.refresh()).items.get(keys.item)
        if item is None or not receipt.proves(keys.auth, item.received.auth):
            raise not_found()
        return item

    async def withdraw(self, keys: Keys) -> Item:
        """Withdraw; on return the text can be read by nobody. Twice is once."""
        await self.find(keys)
        return await self._desk.withdraw(keys.item)

    async def lower(self, keys: Keys, ceiling: Ceiling) -> Item:
        """Narrow who may see it. Raises Refused for widening."""
        await self.find(keys)
        return await self._desk.lower(keys.item, lambda item: decisions.lower(item, ceiling))

    async def reply(self, keys: Keys, text: str) -> Item:
        """Reply to what staff asked. Raises Conflict where nothing is asked."""
        item = await self.find(keys)
        text = _plain(text)
        if says_nothing(text) or len(text) > MOST_REPLY:
            raise Refused(f"A reply has 1 to {MOST_REPLY} characters.")
        if receipt.stands_in(item.id, text):
            raise _holds_receipt()
        self._quota.take()
        return await self._desk.reply(keys.item, text)

    async def _append(self, keys: Keys, wanted: Submission) -> None:
        """Store it once: the key is durable first, then the record, whose own key makes a resend find it."""
        content = msgspec.json.encode(Content(wanted.text, wanted.name))
        event = ItemReceived(
            item=keys.item,
            auth=receipt.auth_hash(keys.auth),
            kind=wanted.kind,
            language=wanted.language,
            source_class=wanted.source_class,
            ceiling=wanted.ceiling,
            bucket=bucket_of(self._now_ms()),
            body=await self._vault.seal(self._desk.key_name(keys.item), content),
            block=wanted.block,
            meeting=wanted.meeting,
            call=wanted.call,
        )
        subject = item_subject(keys.item)
        await self._desk.record([event], subject, expect=0, key=subject)

    async def _same(self, item: Item, keys: Keys, wanted: Submission) -> Item:
        """Return the item if this is what was sent. Raises Conflict where it is not, Gone where it was withdrawn."""
        received = item.received
        if item.withdrawn:
            raise Gone("This was withdrawn. Take a new receipt to send something else.")
        sealed = await self._vault.open(self._desk.key_name(item.id), received.body)
        content = read_content(sealed)
        before = Submission(
            received.kind,
            content.text,
            received.language,
            received.ceiling,
            content.name,
            received.source_class,
            received.block,
            received.meeting,
            received.call,
        )
        if before != wanted or not receipt.proves(keys.auth, received.auth):
            raise Conflict("Something else was sent with this receipt already. Take a new receipt for a new item.")
        return item

    def _make_room(self) -> None:
        if len(self._desk.state.items) >= MOST_ITEMS:
            raise Unavailable("The question queue is full. Keep what you wrote, and ask the secretariat.")
        self._quota.take()


def not_found() -> NotFound:
    """Return the one answer to every receipt that opens nothing here."""
    return NotFound("Nothing was received with this receipt. If you have just sent it, send it again: it counts once.")


def check_keys(keys: Keys) -> None:
    """Raise Refused for what no receipt gives."""
    if not _ITEM.fullmatch(keys.item) or not _AUTH.fullmatch(keys.auth):
        raise Refused("This is not what a receipt gives.")


def tidy(wanted: Submission) -> Submission:
    """Return it as it is kept: line ends as one character, no space around, whoever sent it."""
    return msgspec.structs.replace(wanted, text=_plain(wanted.text), name=_plain(wanted.name))


def check(wanted: Submission, rules: Rules, item_id: str) -> None:
    """Raise Refused for what this dialogue does not take, saying what to change."""
    longest = rules.longest(wanted.kind)
    if wanted.kind not in rules.kinds:
        raise Refused("This dialogue does not take this kind.")
    if says_nothing(wanted.text):
        raise Refused("Write something first.")
    if len(wanted.text) > longest:
        raise Refused(f"This is too long: {longest} characters at the most, and it has {len(wanted.text)}.")
    if wanted.ceiling not in rules.ceilings:
        raise Refused("This dialogue does not offer that choice of who may see it.")
    if wanted.name and (not rules.names or len(wanted.name) > MOST_NAME or "\n" in wanted.name):
        raise Refused(f"A name has up to {MOST_NAME} characters; where what is sent is confidential, give none.")
    if not _LANGUAGE.fullmatch(wanted.language):
        raise Refused("Name the language by its code, as in `ar` or `pt-BR`.")
    if not _BLOCK.fullmatch(wanted.block):
        raise Refused("There is no such block of the agenda.")
    if receipt.stands_in(item_id, f"{wanted.text} and {wanted.name}"):
        raise _holds_receipt()


def says_nothing(text: str) -> bool:
    """Tell whether nobody could see anything of a text: it is empty, or all spaces, marks and zero widths."""
    return all(unicodedata.category(char) in _UNSEEN or char in _FILLERS for char in text)


def _open(call: Notice) -> bool:
    return not call.closed and not call.withdrawn


def _plain(text: str) -> str:
    """Return the text with one kind of line end and no space around it. Raises Refused for what is no text."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if any(unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t" for char in text):
        raise Refused("This holds characters that are no text. Write it again, or paste it as plain text.")
    return text


def _holds_receipt() -> Refused:
    return Refused("Your receipt stands in what you wrote. Take it out: whoever reads it could act in your place.")
