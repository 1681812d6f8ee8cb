"""Six clients race over three hundred items of a real server; what each was answered is held to the log."""

from pathlib import Path

from hearing.bench.desk import measure


def test_of_six_clients_and_three_hundred_items_nothing_is_lost_and_nothing_is_there_twice(tmp_path: Path) -> None:
    figures = measure(tmp_path, clients=6, items=300, published=0)
    assert (figures.lost, figures.double) == (0, 0)
    assert figures.sent_acknowledged == figures.decisions_acknowledged == 300
    assert figures.decisions_acknowledged + figures.conflicts == 6 * 300
