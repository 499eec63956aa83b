"""Temporary credentials as a token service hands them out."""

import datetime as dt
import secrets
from dataclasses import dataclass, field

from .rules import Rules


@dataclass(frozen=True, slots=True)
class Session:
    """Credentials with an end.

    Attributes:
        ends: Seconds since 1970 by the server's clock; from then on the token is answered by ExpiredToken.
    """

    key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    ends: float

    def to_json(self) -> dict[str, str | int]:
        """As `credential_process` prints them."""
        return {
            "Version": 1,
            "AccessKeyId": self.key_id,
            "SecretAccessKey": self.secret,
            "SessionToken": self.token,
            "Expiration": dt.datetime.fromtimestamp(self.ends, dt.UTC).isoformat(),
        }


def issue(rules: Rules, lifetime_s: float) -> Session:
    """Credentials that the server takes from now on, for so many seconds of its clock."""
    made = Session(
        f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(32), rules.clock() + lifetime_s
    )
    rules.credentials[made.key_id] = made.secret
    rules.session_tokens[made.key_id] = made.token
    rules.token_ends[made.token] = made.ends
    return made
