"""LocalStack's S3 and nothing else of it, on a port of the loopback address; runs in an environment of its own.

    DIR/bin/python serve_localstack.py PORT SMALLEST_PART_IN_BYTES

It verifies every checksum, MpuObjectSize and conditions, and no signature. It is asked to talk to nobody.
"""

import importlib
import sys
from typing import Any


def main(port: int, smallest_part: int) -> None:
    """Serve until the process is killed."""
    config = _module("localstack.config")
    config.SERVICES = "s3"
    # Read by the models when they are imported, so it must be said before.
    _module("localstack.services.s3.constants").S3_UPLOAD_PART_MIN_SIZE = smallest_part
    plugins = _module("localstack.services.plugins")
    provider = _module("localstack.services.s3.provider").S3Provider()
    plugins.SERVICE_PLUGINS.add_service(plugins.Service.for_provider(provider))
    gateway = _module("localstack.aws.app").LocalstackAwsGateway(plugins.SERVICE_PLUGINS)
    _module("localstack.aws.serving.hypercorn").serve(gateway, host="127.0.0.1", port=port, use_reloader=False)


def _module(name: str) -> Any:
    return importlib.import_module(name)  # the tests' own environment does not have it


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
