"""How an object is cut into parts: exact integer arithmetic, no I/O."""

from collections.abc import Iterator
from dataclasses import dataclass

MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class S3Limits:
    """What S3 allows, in bytes and parts (S3 user guide, since December 2025).

    Tests use scaled-down values.
    """

    max_parts: int = 10_000
    min_part_size: int = 5 * MIB
    max_part_size: int = 5 * GIB

    @property
    def max_object_size(self) -> int:
        """48.8 TiB: as many parts as there may be, each as large as it may be."""
        return self.max_parts * self.max_part_size


@dataclass(frozen=True, slots=True)
class Preference:
    """What the default part size aims at.

    Attributes:
        smallest: Lower loses throughput to the cost of a request; higher leaves a small
            file with too few parts to fill a line that carries 20-90 MB/s a stream.
        fine_parts: Up to `fine_largest`, parts grow so that about this many remain: twice as many as may be in
            flight. Each part costs some 2 ms of Python, whatever its size.
        fine_largest: Higher makes a cut part cost more to send again.
        most_parts: Beyond, parts grow so that no more than this many remain. Below the
            store's limit, so that the size stays a power of two: 1 TiB is 8,192 parts.
    """

    smallest: int = 8 * MIB
    fine_parts: int = 256
    fine_largest: int = 64 * MIB
    most_parts: int = 8_192


S3 = S3Limits()
DEFAULT = Preference()


class PlanError(ValueError):
    """The object cannot be sent within the store's limits."""


@dataclass(frozen=True, slots=True)
class Part:
    """A range of the object.

    Attributes:
        number: From 1.
        offset: First byte, from 0.
        size: Bytes, at least 1.
    """

    number: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class UploadPlan:
    """All parts but the last have `part_size` bytes; the last has the rest.

    Attributes:
        object_size: Bytes, at least 1.
        part_size: Bytes.
    """

    object_size: int
    part_size: int

    @property
    def part_count(self) -> int:
        """How many parts there are, at least 1."""
        return -(-self.object_size // self.part_size)

    @property
    def is_single(self) -> bool:
        """One part only is one PutObject."""
        return self.part_count == 1

    def part(self, number: int) -> Part:
        """The part of that number.

        Raises:
            IndexError: There is no such part.
        """
        if not 1 <= number <= self.part_count:
            raise IndexError(number)
        offset = (number - 1) * self.part_size
        return Part(number, offset, min(self.part_size, self.object_size - offset))

    def parts(self) -> Iterator[Part]:
        """All parts in the object's order."""
        return (self.part(number) for number in range(1, self.part_count + 1))


def plan_upload(
    object_size: int,
    *,
    preferred_part_size: int | None = None,
    limits: S3Limits = S3,
    preference: Preference = DEFAULT,
) -> UploadPlan:
    """Cut an object into equal parts within the limits.

    A preferred size that breaks a limit is moved to the nearest one that does not; compare
    it with the plan's to see, and tell the user.

    Raises:
        PlanError: The object is empty or larger than the store takes.
    """
    if object_size < 1:
        raise PlanError("an empty object has no parts")
    if object_size > limits.max_object_size:
        raise PlanError(f"{object_size} bytes are more than the {limits.max_object_size} bytes the store takes")
    wanted = preferred_part_size if preferred_part_size is not None else default_part_size(object_size, preference)
    needed = -(-object_size // limits.max_parts)
    part_size = min(max(wanted, needed, limits.min_part_size), limits.max_part_size)
    return UploadPlan(object_size, part_size)


def default_part_size(object_size: int, preference: Preference = DEFAULT) -> int:
    """A power of two that leaves many parts in flight for a small file and few to count for a huge one."""
    fine = _power_of_two(-(-object_size // preference.fine_parts))
    coarse = _power_of_two(-(-object_size // preference.most_parts))
    return max(preference.smallest, min(fine, preference.fine_largest), coarse)


def _power_of_two(size: int) -> int:
    return 1 << max(size - 1, 0).bit_length()
