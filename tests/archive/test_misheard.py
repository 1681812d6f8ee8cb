"""A misheard name: whole words in six languages, whatever their case and accents, and nothing else."""

import pytest

from hearing.archive import misheard


def found(text: str, name: str) -> list[str]:
    return [text[start:end] for start, end in misheard.hits(text, name)]


@pytest.mark.parametrize(
    ("text", "name", "hits"),
    [
        (
            "Ms. Covaleva spoke. COVALEVA, and Covaleva's mother; not Covalevas.",
            "covaleva",
            ["Covaleva", "COVALEVA", "Covaleva"],
        ),
        ("the Anna-Maria and Anna Maria", "Anna Maria", ["Anna-Maria", "Anna Maria"]),
        ("Anna and Maria", "Anna Maria", []),
        ("la délégation d’Arlándie, l'Arlandie, arlandie", "Arlandie", ["Arlándie", "Arlandie", "arlandie"]),
        ("el señor Núñez y la señora Nunez", "Nuñez", ["Núñez", "Nunez"]),
        ("Госпожа Ковалёва и Ковалева, но не Ковалевой", "Ковалева", ["Ковалёва", "Ковалева"]),
        ("мой и мои", "мой", ["мой"]),
        ("قالت السيدة كوفاليفا وكوفاليفا وبكوفاليفا وأبكوفاليفا", "كوفاليفا", ["كوفاليفا", "كوفاليفا", "كوفاليفا"]),
        ("مُحَمَّد وإبراهيم", "ابراهيم", ["إبراهيم"]),
        ("科瓦列娃女士谈到科瓦列夫。", "科瓦列娃", ["科瓦列娃"]),
        ("anything at all", "…", []),
        ("[…] said so", "said", ["said"]),
    ],
)
def test_a_name_is_found_as_a_whole_word(text: str, name: str, hits: list[str]) -> None:
    assert found(text, name) == hits


def test_it_is_replaced_where_it_was_chosen_and_the_rest_of_the_word_stays() -> None:
    text = "وكوفاليفا ثم كوفاليفا"
    spans = misheard.hits(text, "كوفاليفا")
    assert misheard.replaced(text, spans[:1], "كوفالييفا") == "وكوفالييفا ثم كوفاليفا"
    assert misheard.replaced("Covaleva's", misheard.hits("Covaleva's", "covaleva"), "Kovaleva") == "Kovaleva's"


def test_a_place_is_shown_in_its_context() -> None:
    text = "one two three four five NAME six seven eight nine"
    span = misheard.hits(text, "name")[0]
    assert misheard.around(text, span, 12) == ("… four five ", " six seven …")
    assert misheard.around(text, span, 90) == ("one two three four five ", " six seven eight nine")
