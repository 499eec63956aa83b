"""One listing for many keys: what it can tell, and what only a look can."""

from collections.abc import Iterator, Mapping

import pytest

from tiktok_upload.answers import Absence, ListedObject, ObjectSeen
from tiktok_upload.faults import Kind, StoreFault
from tiktok_upload.inventory import WORTH_A_LISTING, Inventory

KEYS = tuple(f"in/dt=1/f{number:03}.parquet" for number in range(WORTH_A_LISTING))


def still() -> float:
    return 0.0


class Lister:
    """A store that lists these objects."""

    def __init__(self, found: Mapping[str, ListedObject] | None) -> None:
        self.found = found
        self.asked: list[tuple[str, int]] = []

    def __call__(self, prefix: str, most_pages: int) -> Mapping[str, ListedObject] | None:
        self.asked.append((prefix, most_pages))
        return self.found


def test_all_keys_are_asked_for_with_one_listing_of_what_they_have_in_common() -> None:
    lister = Lister({})
    inventory = Inventory(KEYS, lister, still)
    assert {inventory.seen(key, None) for key in KEYS} == {Absence.ABSENT}
    assert [prefix for prefix, _ in lister.asked] == ["in/dt=1/f0"]


def test_the_object_that_we_know_of_is_known_again_and_any_other_is_looked_at() -> None:
    inventory = Inventory(KEYS, Lister({KEYS[0]: ListedObject(7, '"etag"')}), still)
    assert inventory.seen(KEYS[0], '"etag"') == ObjectSeen(7, '"etag"', metadata={}, checksums={})
    assert inventory.seen(KEYS[0], '"another"') is None
    assert inventory.seen(KEYS[0], None) is None


def test_for_a_few_files_nothing_is_listed() -> None:
    lister = Lister({})
    assert Inventory(KEYS[1:], lister, still).seen(KEYS[1], None) is None
    assert lister.asked == []


def test_where_the_store_does_not_list_each_key_is_looked_at_and_it_is_asked_once() -> None:
    lister = Lister(None)
    inventory = Inventory(KEYS, lister, still)
    assert {inventory.seen(key, None) for key in KEYS} == {None}
    assert len(lister.asked) == 1


def test_a_listing_that_fails_is_asked_for_again() -> None:
    answers: Iterator[StoreFault | Mapping[str, ListedObject]] = iter([StoreFault(Kind.TRANSIENT), {}])

    def ask(_: str, __: int) -> Mapping[str, ListedObject]:
        answer = next(answers)
        if isinstance(answer, StoreFault):
            raise answer
        return answer

    inventory = Inventory(KEYS, ask, still)
    with pytest.raises(StoreFault):
        inventory.seen(KEYS[0], None)
    assert inventory.seen(KEYS[0], None) is Absence.ABSENT


def test_a_listing_is_not_believed_for_longer_than_a_minute() -> None:
    now, lister = [0.0], Lister({})
    inventory = Inventory(KEYS, lister, lambda: now[0])
    assert inventory.seen(KEYS[0], '"etag"') is Absence.ABSENT
    lister.found = {KEYS[0]: ListedObject(7, '"etag"')}
    now[0] = 60.0
    assert inventory.seen(KEYS[0], '"etag"') is Absence.ABSENT
    now[0] = 61.0
    assert inventory.seen(KEYS[0], '"etag"') is not Absence.ABSENT
    assert len(lister.asked) == 2


@pytest.mark.parametrize(("files", "most_pages"), [(WORTH_A_LISTING, 5), (999, 5), (2_000, 7)])
def test_what_others_have_below_the_prefix_is_listed_to_a_limit(files: int, most_pages: int) -> None:
    lister = Lister({})
    Inventory([f"in/{number}" for number in range(files)], lister, still).seen("in/0", None)
    assert lister.asked == [("in/", most_pages)]


@pytest.mark.parametrize(
    ("keys", "prefix"), [(("a",), "a"), (("in/a", "in/ab"), "in/a"), (("b", "a"), ""), (("x/é", "x/è"), "x/")]
)
def test_the_prefix_is_the_beginning_that_all_keys_share(keys: tuple[str, ...], prefix: str) -> None:
    lister = Lister({})
    Inventory(keys * WORTH_A_LISTING, lister, still).seen(keys[0], None)
    assert [asked for asked, _ in lister.asked] == [prefix]
