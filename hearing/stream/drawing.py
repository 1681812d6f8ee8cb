"""Draw the demo's picture: a title, a running clock, and who speaks. Needs pillow, of the `demo` extra."""

from collections.abc import Sequence

import msgspec
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 640, 360
_NIGHT, _MOON, _GLOW, _SOFT, _LINE = "#0f1b21", "#ffffff", "#ffc52e", "#abb6bc", "#323c42"
_LEFT, _RIGHT = 48, WIDTH - 48
_TITLE = "Valdoria: fourth periodic report"
_BODY = "Consideration of reports, 2412th meeting"
_SAID = "Synthetic dialogue, invented State"
_PEOPLE = {"chair": "Chairperson", "rapporteur": "Country rapporteur", "expert": "Member of the Committee"}


class Turn(msgspec.Struct, frozen=True):
    """Somebody has the floor, from t0 to t1: ms from the beginning."""

    t0: int
    t1: int
    speaker: str


class Drawing:
    """Draws frames over a ground that is drawn once."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._turns = turns
        self._large = ImageFont.load_default(34)
        self._middle = ImageFont.load_default(22)
        self._small = ImageFont.load_default(16)
        self._ground = self._draw_ground()

    def frame(self, at_s: float) -> Image.Image:
        """Return the picture at a time of the dialogue, RGB, WIDTH x HEIGHT."""
        image = self._ground.copy()
        draw = ImageDraw.Draw(image)
        at = int(at_s)
        draw.text((_RIGHT, 300), f"{at // 60:02}:{at % 60:02}", _MOON, self._large, anchor="rs")
        turn = next((turn for turn in self._turns if turn.t0 <= at_s * 1000 < turn.t1), None)
        if turn:
            draw.ellipse((_LEFT, 196, _LEFT + 12, 208), _GLOW)
            draw.text((_LEFT + 26, 202), _PEOPLE.get(turn.speaker, turn.speaker), _MOON, self._middle, anchor="lm")
        else:
            draw.text((_LEFT, 202), "Nobody speaks", _SOFT, self._middle, anchor="lm")
        return image

    def _draw_ground(self) -> Image.Image:
        image = Image.new("RGB", (WIDTH, HEIGHT), _NIGHT)
        draw = ImageDraw.Draw(image)
        draw.rectangle((_LEFT, 56, _LEFT + 56, 60), _GLOW)
        draw.text((_LEFT, 104), _TITLE, _MOON, self._large, anchor="ls")
        draw.text((_LEFT, 138), _BODY, _SOFT, self._small, anchor="ls")
        draw.line((_LEFT, 166, _RIGHT, 166), _LINE)
        draw.text((_LEFT, 300), _SAID, _SOFT, self._small, anchor="ls")
        return image
