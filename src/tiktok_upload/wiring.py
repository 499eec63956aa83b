"""What a run works with, put together from its options: clients, retries, and how much at once."""

import time

from tiktok_upload import portable
from tiktok_upload.answers import Store
from tiktok_upload.jobs import Tools
from tiktok_upload.pace import Bounds, HoldOff, RateLimit, auto_bounds
from tiktok_upload.retry import Budget, Retries, RetryPolicy
from tiktok_upload.settings import PushOptions
from tiktok_upload.stop import Stop
from tiktok_upload.store import Clients
from tiktok_upload.version import __version__

# Bytes a second: 8 MiB in 16 s. Lower: a stop loses more, and a signature may outlive its 15 minutes.
_LEAST_A_STREAM = 512 << 10


def clients_for(options: PushOptions, *, connections: int) -> Clients:
    """Clients that have credentials; raises `UploadToolError` where there are none."""
    clients = Clients(options.connection, stall_s=options.stall_s, connections=connections, version=__version__)
    _ = clients.quick  # so that missing credentials are told before anything is looked at
    return clients


def tools_for(options: PushOptions, store: Store, stop: Stop, clients: Clients | None = None) -> Tools:
    """What jobs use: the store, retries with their budget, the rate."""
    policy = RetryPolicy(budget_s=options.retry_for_s)
    retries = Retries(
        policy,
        budget=Budget(policy, time.monotonic),
        hold_off=HoldOff(),
        clock=time.monotonic,
        sleep=stop.sleep,
        renew=lambda fault: clients is not None and clients.renew_credentials(fault.credentials),
    )
    return Tools(store, retries, RateLimit(options.max_bytes_per_s), stop, time.monotonic)


def bounds_for(options: PushOptions) -> Bounds:
    """How many requests may be in flight: what the user said, or what the machine allows.

    Under a low rate fewer share it: parts are stored one after another, not all of them at the very end.
    """
    if options.concurrency is None:
        bounds = auto_bounds(portable.most_open_files(), portable.free_memory())
    else:
        bounds = Bounds(options.concurrency, options.concurrency, options.concurrency)
    if options.max_bytes_per_s is None:
        return bounds
    return bounds.capped(max(1, options.max_bytes_per_s // _LEAST_A_STREAM))
