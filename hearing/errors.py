"""The one tree of errors a caller can act on. A bug is not in it: it crashes."""


class HearingError(Exception):
    """Something the caller can act on; the message says what happened and what to do.

    `code` is stable and goes over the wire; the message is for people and never holds a secret or a person.
    """

    code = "error"


class Refused(HearingError):
    """The caller's fault: asking again the same way gives the same answer."""

    code = "refused"


class NotFound(Refused):
    """What was named does not exist here."""

    code = "not-found"


class Gone(Refused):
    """It was here, and was taken back for good."""

    code = "gone"


class Unauthorized(HearingError):
    """Who asks has not said who they are."""

    code = "unauthorized"


class Forbidden(HearingError):
    """Who asks may not."""

    code = "forbidden"


class Conflict(HearingError):
    """Somebody else was first: read again and decide again."""

    code = "conflict"


class Unavailable(HearingError):
    """Not now: the same request may succeed later."""

    code = "unavailable"
