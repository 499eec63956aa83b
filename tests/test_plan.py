"""Parts cover the object exactly, within the store's limits: every size of small worlds, the edges of the real one."""

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiktok_upload.plan import (
    DEFAULT,
    GIB,
    MIB,
    S3,
    Part,
    PlanError,
    Preference,
    S3Limits,
    UploadPlan,
    default_part_size,
    plan_upload,
)

TIB = 1 << 40
LARGEST = S3.max_object_size
EDGES = sorted(
    {size for power in range(46) for size in ((1 << power) - 1, 1 << power, (1 << power) + 1) if 1 <= size <= LARGEST}
    | {10**power for power in range(14)}
    | {parts * size + rest for parts in (8_192, 10_000) for size in (5 * MIB, 64 * MIB, 5 * GIB) for rest in (-1, 0)}
    | {100_000_000, LARGEST - 1, LARGEST}
)


def small_worlds(max_parts: int) -> Iterator[S3Limits]:
    for smallest, more in product(range(1, 5), range(5)):
        yield S3Limits(max_parts=max_parts, min_part_size=smallest, max_part_size=smallest + more)


def legal_part_sizes(object_size: int, limits: S3Limits) -> list[int]:
    sizes = range(limits.min_part_size, limits.max_part_size + 1)
    return [size for size in sizes if size * limits.max_parts >= object_size]


def flaws(plan: UploadPlan, object_size: int, limits: S3Limits) -> list[str]:
    """What is wrong with a plan, by its parts alone."""
    parts = list(plan.parts())
    ends = [0, *(part.offset + part.size for part in parts)]
    sizes = {part.size for part in parts[:-1]}
    claims = {
        "numbered from 1 without a gap": [part.number for part in parts] == list(range(1, len(parts) + 1)),
        "each begins where the one before ends": [part.offset for part in parts] == ends[:-1],
        "the last ends with the object": ends[-1] == object_size,
        "none is empty": all(part.size >= 1 for part in parts),
        "all but the last are equal": len(sizes) <= 1,
        "the last is not the largest": parts[-1].size <= max(sizes, default=parts[-1].size),
        "all but the last reach the smallest size": all(size >= limits.min_part_size for size in sizes),
        "none is above the largest size": all(part.size <= limits.max_part_size for part in parts),
        "no more than the store takes": len(parts) <= limits.max_parts,
        "as many as it says": len(parts) == plan.part_count,
        "single only with one": plan.is_single == (len(parts) == 1),
    }
    return [claim for claim, holds in claims.items() if not holds]


@pytest.mark.parametrize("max_parts", range(2, 7))
def test_every_object_of_every_small_world_is_covered_exactly_by_parts_the_store_takes(max_parts: int) -> None:
    wrong = [
        (limits, size, preferred, found)
        for limits in small_worlds(max_parts)
        for size in range(1, limits.max_object_size + 1)
        for preferred in (None, *range(limits.max_part_size + 3))
        if (found := flaws(plan_upload(size, preferred_part_size=preferred, limits=limits), size, limits))
    ]
    assert wrong == []


@pytest.mark.parametrize("max_parts", range(2, 7))
def test_a_preferred_size_is_kept_where_the_store_takes_it_and_else_moved_to_the_nearest_it_takes(
    max_parts: int,
) -> None:
    for limits in small_worlds(max_parts):
        for size in range(1, limits.max_object_size + 1):
            legal = legal_part_sizes(size, limits)
            for preferred in range(limits.max_part_size + 3):
                nearest = min(legal, key=lambda part_size: abs(part_size - preferred))
                plan = plan_upload(size, preferred_part_size=preferred, limits=limits)
                assert (nearest, preferred in legal) == (plan.part_size, plan.part_size == preferred)


@pytest.mark.parametrize("max_parts", range(2, 7))
def test_one_byte_more_than_the_store_takes_is_refused_in_every_small_world(max_parts: int) -> None:
    for limits in small_worlds(max_parts):
        with pytest.raises(PlanError, match="more than"):
            plan_upload(limits.max_object_size + 1, limits=limits)


@pytest.mark.parametrize("size", [0, -1, LARGEST + 1])
def test_an_empty_or_too_large_object_has_no_plan(size: int) -> None:
    with pytest.raises(PlanError):
        plan_upload(size)


def test_the_largest_object_is_what_s3_says() -> None:
    assert (S3.max_parts, S3.min_part_size, S3.max_part_size) == (10_000, 5 * MIB, 5 * GIB)
    assert f"{LARGEST / TIB:.1f}" == "48.8"


@pytest.mark.parametrize(
    ("object_size", "part_size", "parts"),
    [
        (1, 8 * MIB, 1),
        (8 * MIB, 8 * MIB, 1),
        (8 * MIB + 1, 8 * MIB, 2),
        (100_000_000, 8 * MIB, 12),
        (2 * GIB, 8 * MIB, 256),
        (2 * GIB + 1, 16 * MIB, 129),
        (8 * GIB, 32 * MIB, 256),
        (16 * GIB, 64 * MIB, 256),
        (128 * GIB, 64 * MIB, 2_048),
        (512 * GIB, 64 * MIB, 8_192),
        (512 * GIB + 1, 128 * MIB, 4_097),
        (TIB, 128 * MIB, 8_192),
        (TIB + 1, 256 * MIB, 4_097),
        (40 * TIB, 5 * GIB, 8_192),
        (LARGEST, 5 * GIB, 10_000),
    ],
)
def test_the_default_part_size_of_real_objects(object_size: int, part_size: int, parts: int) -> None:
    plan = plan_upload(object_size)
    assert (part_size, parts) == (plan.part_size, plan.part_count)


@pytest.mark.parametrize("object_size", EDGES)
def test_the_default_keeps_the_limits_at_every_edge(object_size: int) -> None:
    plan = plan_upload(object_size)
    last = plan.part(plan.part_count)
    assert S3.min_part_size <= plan.part_size <= S3.max_part_size
    assert plan.part_count <= S3.max_parts
    assert 1 <= last.size <= plan.part_size
    assert object_size == (plan.part_count - 1) * plan.part_size + last.size == last.offset + last.size


def test_every_part_of_a_tebibyte_is_in_its_place() -> None:
    assert flaws(plan_upload(TIB), TIB, S3) == []


def test_a_file_of_a_hundred_megabytes_has_parts_enough_to_fill_a_line() -> None:
    assert plan_upload(100_000_000).part_count >= 10


@settings(deadline=None)
@given(st.integers(1, LARGEST), st.integers(1, LARGEST))
def test_a_larger_object_never_gets_smaller_parts(one: int, other: int) -> None:
    smaller, larger = sorted((one, other))
    assert plan_upload(smaller).part_size <= plan_upload(larger).part_size


@settings(deadline=None)
@given(st.integers(1, LARGEST))
def test_the_default_size_is_a_power_of_two_that_leaves_few_parts_to_count(object_size: int) -> None:
    part_size = default_part_size(object_size)
    assert part_size.bit_count() == 1
    assert part_size * DEFAULT.most_parts >= object_size


def test_a_preference_sets_where_parts_begin_to_grow() -> None:
    preference = Preference(smallest=2, fine_parts=4, fine_largest=8, most_parts=16)
    sizes = {size: default_part_size(size, preference) for size in (1, 8, 9, 16, 17, 32, 33, 128, 129)}
    assert sizes == {1: 2, 8: 2, 9: 4, 16: 4, 17: 8, 32: 8, 33: 8, 128: 8, 129: 16}


@pytest.mark.parametrize(
    ("object_size", "asked", "given_size"),
    [
        (GIB, MIB, 5 * MIB),
        (GIB, 0, 5 * MIB),
        (TIB, 6 * GIB, 5 * GIB),
        (TIB, 5 * MIB, 109_951_163),
        (TIB, 109_951_162, 109_951_163),
        (LARGEST, 64 * MIB, 5 * GIB),
    ],
)
def test_a_preferred_size_that_breaks_a_limit_is_seen_to_differ_from_the_plans(
    object_size: int, asked: int, given_size: int
) -> None:
    plan = plan_upload(object_size, preferred_part_size=asked)
    assert given_size == plan.part_size
    assert asked != plan.part_size


@pytest.mark.parametrize("asked", [5 * MIB, 7_000_001, 5 * GIB])
def test_a_preferred_size_within_the_limits_is_taken_to_the_byte(asked: int) -> None:
    assert asked == plan_upload(10 * GIB, preferred_part_size=asked).part_size


def test_parts_are_found_by_their_number() -> None:
    plan = UploadPlan(object_size=25, part_size=10)
    assert [Part(1, 0, 10), Part(2, 10, 10), Part(3, 20, 5)] == [plan.part(number) for number in (1, 2, 3)]


@pytest.mark.parametrize("number", [-1, 0, 4])
def test_there_is_no_part_outside_the_object(number: int) -> None:
    with pytest.raises(IndexError):
        UploadPlan(object_size=25, part_size=10).part(number)
