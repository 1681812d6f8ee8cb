"""What docs/api.md says of questions is so."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from hearing.qa import receipt
from hearing.qa.intake import Submission
from hearing.qa.shown import PublicNotice, PublicQuestion
from hearing.qa.status import Status
from tests.site.walking import QUIET, whole

DOCS = Path(__file__).parents[2] / "docs"
API = (DOCS / "api.md").read_text("utf-8")


async def test_the_receipt_the_address_and_the_body_of_the_example_belong_together(tmp_path: Path) -> None:
    digits = re.findall(r"The receipt `([\d ]+)`", API)[0]
    address = re.findall(r"PUT (\S+)", API)[0].replace("{dialogue}", QUIET)
    body = json.loads(re.findall(r"```json\n(\{\"auth\".*?)```", API, re.DOTALL)[0])
    keys = receipt.keys(digits)
    assert (address.rpartition("/")[2], body["auth"]) == (keys.item, keys.auth)
    async with whole(tmp_path) as app, app.client() as anybody:
        answer = await anybody.put(address, json=body)
        assert (answer.status_code, answer.json()["state"]) == (200, "received")
        for act in re.findall(r"`POST \.\.\./items/\{item\}/(\w+)`", API):
            more = {"reply": {"text": "x"}, "narrow": {"ceiling": "secretariat"}}.get(act, {})
            asked = await anybody.post(f"{address}/{act}", json={"auth": keys.auth, **more})
            assert asked.status_code == (409 if act == "reply" else 200), act


@pytest.mark.parametrize("struct", [Status, Submission, PublicQuestion, PublicNotice])
def test_every_field_is_described(struct: type[msgspec.Struct]) -> None:
    described = set(re.findall(r"`(\w+)`", API)) | set(re.findall(r'"(\w+)":', API))
    assert set(struct.__struct_fields__) - described == set()


async def test_every_route_of_the_api_is_described(tmp_path: Path) -> None:
    async with whole(tmp_path) as app:
        paths = {step.path for step in app.steps() if step.path.startswith("/api/dialogues")}
    for path in paths:
        short = path.replace("/api/dialogues/{dialogue}", "...")
        assert path in API or short in API or path.endswith(("/items/{item}", "/{act}")), path


def test_links_of_the_documents_lead_somewhere() -> None:
    for document in DOCS.glob("*.md"):
        for path in re.findall(r"\]\(([\w./-]+)\)", document.read_text("utf-8")):
            assert (DOCS / path).exists(), (document.name, path)
