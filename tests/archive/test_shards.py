"""The index of a site of files: what is written is what is read, and nothing else is in it."""

from hypothesis import given
from hypothesis import strategies as st

from hearing.archive import analyse, shards
from hearing.archive.finding_aid import STEP, FindingAid
from hearing.archive.shards import APART, SHARD, Terms
from hearing.events import PassageHidden, SegmentClosed, WordsCommitted
from tests.archive.made import begun, release
from tests.archive.test_analyse import TEXTS

NUMBERED = st.dictionaries(st.integers(0, 100_000), TEXTS, max_size=8)


def read(files: dict[str, bytes]) -> dict[str, dict[int, list[int]]]:
    """Read every list of an index."""
    found = {}
    for name in (f"{number}.bin" for number in range(len(files)) if f"{number}.bin" in files):
        for term, passages, held in shards.read(files[name]):
            content = files[f"long-{held}.bin"] if isinstance(held, int) else held
            found[term] = dict(shards.places(content))
            assert len(found[term]) == passages
    return found


@given(NUMBERED, st.sampled_from(["en", "zh", "ar", "other"]))
def test_every_term_is_read_back_with_its_places(said: dict[int, str], language: str) -> None:
    terms = Terms(language)
    expected: dict[str, dict[int, list[int]]] = {}
    for passage, text in sorted(said.items()):
        terms.add(passage, text)
        for place, term in enumerate(analyse.terms(text, language)):
            expected.setdefault(term, {}).setdefault(passage, []).append(place)
    firsts, files = terms.files()
    assert read(dict(files)) == expected
    assert firsts == sorted(firsts, key=lambda term: term.encode("utf-16-be"))


def test_a_frequent_word_does_not_weigh_on_those_beside_it() -> None:
    terms = Terms("en")
    for passage in range(3 * APART):
        terms.add(passage, f"the word{passage % 700:03d}")
    firsts, files = terms.files()
    sizes = {name: len(content) for name, content in files}
    assert [name for name in sizes if name.startswith("long")] == ["long-0.bin"]
    assert sizes.pop("long-0.bin") > APART
    assert len(firsts) == len(sizes) > 1
    assert all(size <= SHARD + APART + 100 for size in sizes.values())


def test_the_same_release_gives_the_same_files_and_hidden_words_are_in_none() -> None:
    def words(n: int, text: str) -> list[WordsCommitted | SegmentClosed]:
        said, t = tuple(text.split()), n * 20_000
        times = tuple((t + 300 * at, t + 300 * (at + 1)) for at in range(len(said)))
        return [
            WordsCommitted("en", f"en.{n}", 0, said, t * 16 + 16),
            SegmentClosed("en", f"en.{n}", t, t + 5000, times),
        ]

    stream = begun(*(event for n in range(STEP + 2) for event in words(n, f"Zebulon spoke {n}")))
    one = release([*stream, PassageHidden("h", 39_000, 44_000)])

    def made() -> dict[str, bytes]:
        aid = FindingAid()
        texts = dict(aid.add(one, 0))
        _, files = aid.files()
        return {**texts, **dict(files)}

    files = made()
    assert made() == files
    index = read({name.rpartition("/")[2]: content for name, content in files.items() if "/en/" in name})
    assert list(index["zebulon"]) == [0, 1, *range(3, STEP + 2)]
    texts = {name: content for name, content in files.items() if "/text/" in name}
    assert list(texts) == ["find/text/arlandia/en/0.json", "find/text/arlandia/en/1.json"]
    assert not any(b"spoke 2" in content for content in texts.values())
    assert f"spoke {STEP}".encode() in texts["find/text/arlandia/en/0.json"]
