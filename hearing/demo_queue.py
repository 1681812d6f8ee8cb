"""What the demo offers besides the hearing: a public briefing, both question queues with samples, and seats at them."""

import msgspec

from hearing.access import Capability, Role
from hearing.house_events import Block, Channel, MeetingCreated
from hearing.names import Name
from hearing.qa import receipt
from hearing.qa.intake import Submission
from hearing.qa.office import Office
from hearing.stream.demo import SOURCE

HEARING, BRIEFING = "valdoria", "valdoria-briefing"
"""The dialogues: what is sent to the first stays with the committee, to the second it may become public."""

AGENDA = (
    Block("opening", "Opening", 1),
    Block("b1", "National human rights institution, pretrial detention", 1),
    Block("b2", "Defenders and journalists", 1),
    Block("b3", "Violence against women", 1),
)
_HOUR_MS = 3_600_000
_SEATS: tuple[tuple[Role, str], ...] = (("moderator", "Secretariat"), ("member", "Member 1"), ("chair", "Chair"))

_SAMPLES = {
    HEARING: (
        Submission(
            "question",
            "Of those who have waited over four years for their trial, how many saw no lawyer in the first 72 hours?",
            "en",
            "committee",
            source_class="cso",
            block="b1",
        ),
        Submission(
            "information",
            "Depuis mars, les visites de l’institution nationale aux lieux de détention du nord n’ont plus lieu. "
            "Le rapport de l’État n’en parle pas.",
            "fr",
            "committee",
            source_class="nhri",
            block="b1",
        ),
        Submission(
            "question",
            "ما التدابير المتخذة للتحقيق في التهديدات التي تلقّتها منظمات تعاونت مع اللجنة؟",
            "ar",
            "secretariat",
            block="b2",
        ),
    ),
    BRIEFING: (
        Submission("question", "When will the report be published in local languages?", "en", "public-text"),
        Submission(
            "question",
            "¿Habrá una reunión de seguimiento con las organizaciones de las regiones?",
            "es",
            "public-text",
            name="Red de Observadores",
            source_class="cso",
        ),
        Submission("question", "How can schools get the teaching material that was mentioned?", "en", "public-theme"),
    ),
}


_NAMES = (
    Name("Alma Verey", "Chairperson", "committee"),
    Name("Jonas Okoye", "Country rapporteur", "committee"),
    Name("Mira Solano", "Member", "committee"),
)
"""In the order in which they first speak."""


class Seat(msgspec.Struct, frozen=True):
    """An invitation as the demo prints it."""

    label: str
    address: str


def briefing(now_ms: int, floor: Channel) -> MeetingCreated:
    """Return the briefing: planned in an hour, so that one can send questions and open it when one likes."""
    return MeetingCreated(
        meeting=BRIEFING,
        dialogue=BRIEFING,
        title="Briefing on Valdoria",
        body="A demonstration of the public question queue",
        profile="open",
        channels=(floor,),
        source=SOURCE,
        close_at_end=True,
        starts_ms=now_ms + _HOUR_MS - now_ms % _HOUR_MS,
        created_ms=now_ms,
        support=True,
    )


async def send_samples(office: Office, dialogue: str) -> None:
    """Send invented questions into a queue that has none yet."""
    if not await office.moderators.counts(_staff(dialogue), dialogue):
        for sample in _SAMPLES[dialogue]:
            await office.submit(dialogue, receipt.keys(receipt.mint()), sample)


async def write_names(office: Office, meeting: str) -> None:
    """Write who speaks in the hearing, for the keys of who takes the moderator's seat."""
    at = (_staff(HEARING), HEARING, meeting)
    if not (await office.names.read(*at)).version:
        await office.names.write(*at, _NAMES, 0)


async def seats(office: Office, dialogue: str, url: str) -> list[Seat]:
    """Make an invitation for each role; the addresses open once each."""
    return [
        Seat(label, f"{url}/staff/{dialogue}/accept#{await office.invite(_staff(dialogue), dialogue, role, label)}")
        for role, label in _SEATS
    ]


def _staff(dialogue: str) -> Capability:
    return Capability("staff", dialogue)
