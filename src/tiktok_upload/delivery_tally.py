"""What a run did for one file, counted."""

from dataclasses import dataclass, field

from tiktok_upload.records import PartStored
from tiktok_upload.state import UploadState
from tiktok_upload.units import format_size


@dataclass(slots=True)
class Tally:
    """What this run did for one file.

    Attributes:
        sent: Numbers of the parts that this run sent and that the store has.
        whole_bytes: Sent as one PutObject.
        wasted_bytes: Sent in vain: failed attempts, and parts that the store lost.
    """

    sent: set[int] = field(default_factory=set)
    whole_bytes: int = 0
    wasted_bytes: int = 0
    retries: int = 0
    throttles: int = 0
    seconds_lost: float = 0.0

    def lose(self, parts: dict[int, PartStored]) -> None:
        """The store lost these; what this run had sent of them was in vain."""
        self.wasted_bytes += sum(part.size for number, part in parts.items() if number in self.sent)
        self.sent -= parts.keys()

    def sent_bytes(self, state: UploadState) -> int:
        """Of parts that the store acknowledged and has."""
        return self.whole_bytes + sum(part.size for number, part in state.stored.items() if number in self.sent)

    def reused_bytes(self, state: UploadState) -> int:
        """Of parts that an earlier run had stored."""
        return sum(part.size for number, part in state.stored.items() if number not in self.sent)


def loss_warning(lost: dict[int, PartStored]) -> str:
    """What it costs that the store lost parts."""
    size = format_size(sum(part.size for part in lost.values()))
    return f"the store lost {len(lost)} of the stored parts ({size}); they are sent again"
