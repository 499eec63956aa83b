"""Credentials that stay good: read anew when their files change, and once more when the store calls them expired.

botocore reads files once: keys that somebody renews on disk in the third hour would never be seen
(aws/aws-cli#4562). What it renews by itself (roles, SSO, web identity, programs) it goes on renewing.
"""

import datetime as dt
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import botocore.credentials
import botocore.session

# Lower: a stat of each file for every request. Higher: new keys are used later.
_LOOK_EVERY_S = 1.0
# What tools that write temporary keys into ~/.aws/credentials call their end.
_END_KEYS = ("aws_expiration", "x_security_token_expires", "expiration", "aws_session_expiration")
_NOT_RENEWED = ("env", "shared-credentials-file", "config-file")


class FreshCredentials(botocore.credentials.Credentials):
    """What botocore signs with; safe from several threads, of which one renews at a time.

    Args:
        session: The first one; it gets these instead of its own.
        make_session: Makes another one, which reads all files anew.
    """

    def __init__(self, session: botocore.session.Session, make_session: Callable[[], botocore.session.Session]) -> None:
        self._make_session = make_session
        self._lock = threading.Lock()
        self._looked_at = time.monotonic()
        self._generation = 0
        self._session = session
        self._current: Any = session.get_component("credential_provider").load_credentials()
        self._marks = self._files()
        session.register_component("credential_provider", Resolver(self))

    @property
    def exist(self) -> bool:
        """Whether there are any."""
        return self._current is not None

    @property
    def generation(self) -> int:
        """Counts renewals: a request that was refused says by it which ones it was signed with."""
        return self._generation

    def get_frozen_credentials(self) -> Any:
        """The ones to sign with now."""
        if time.monotonic() - self._looked_at >= _LOOK_EVERY_S:
            with self._lock:
                self._look()
        return self._current.get_frozen_credentials()

    def renew(self, generation: int) -> bool:
        """Those of that generation have expired: whether there are others by now.

        Threads that come while another one asks wait for its result.
        """
        with self._lock:
            return generation != self._generation or self._reload()

    def end(self) -> dt.datetime | None:
        """When they end for good, where that is known and nobody renews them."""
        if not self.exist or self._current.method not in _NOT_RENEWED:
            return None
        known = getattr(self._current, "_expiry_time", None)  # botocore tells it nowhere else
        return known if isinstance(known, dt.datetime) else _end_in_profile(self._session)

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        if self._files() != self._marks:
            self._reload()

    def _reload(self) -> bool:
        """Read everything anew; whether something else came of it. What fails leaves the old ones."""
        self._marks = self._files()
        session = self._make_session()
        found = session.get_credentials()
        if found is None or found.get_frozen_credentials() == self._current.get_frozen_credentials():
            return False
        self._session, self._current = session, found
        self._generation += 1
        return True

    def _files(self) -> tuple[tuple[int, int] | None, ...]:
        names = (self._session.get_config_variable(name) for name in ("credentials_file", "config_file"))
        return tuple(_mark(name) for name in names)

    # botocore asks for these, too.
    @property
    def method(self) -> str:  # type: ignore[override] # read only, as they change by themselves
        """Where they were found: `env`, `shared-credentials-file`, `assume-role`, ..."""
        return str(self._current.method)

    @property
    def access_key(self) -> str:  # type: ignore[override] # read only, as they change by themselves
        """Of those to sign with now."""
        return str(self.get_frozen_credentials().access_key)

    @property
    def secret_key(self) -> str:  # type: ignore[override] # read only, as they change by themselves
        """Of those to sign with now."""
        return str(self.get_frozen_credentials().secret_key)

    @property
    def token(self) -> str | None:  # type: ignore[override] # read only, as they change by themselves
        """Of those to sign with now."""
        token: str | None = self.get_frozen_credentials().token
        return token

    @property
    def account_id(self) -> str | None:
        """Of those to sign with now, where it is known."""
        account: str | None = getattr(self.get_frozen_credentials(), "account_id", None)
        return account

    def get_deferred_property(self, property_name: str) -> Callable[[], Any]:
        """As botocore has it: asked for only where it is needed."""
        return lambda: getattr(self, property_name)


def _mark(name: str | None) -> tuple[int, int] | None:
    try:
        found = os.stat(os.path.expanduser(name)) if name else None  # noqa: PTH111, PTH116 - text of a setting
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size) if found else None


def _end_in_profile(session: botocore.session.Session) -> dt.datetime | None:
    profile = session.full_config.get("profiles", {}).get(session.get_config_variable("profile") or "default", {})
    text = next((profile[key] for key in _END_KEYS if isinstance(profile.get(key), str)), "")
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


class Resolver:
    """Hands these to a botocore session instead of its own."""

    def __init__(self, credentials: FreshCredentials) -> None:
        self._credentials = credentials

    def load_credentials(self) -> FreshCredentials | None:
        """As botocore's own resolver has it."""
        return self._credentials if self._credentials.exist else None
