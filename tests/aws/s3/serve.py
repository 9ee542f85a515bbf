"""`python -m tests.aws.s3.serve FOLDER`: the service over a folder in a process of its own, until its input ends.

Its first line of output is its address.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.aws.s3.clients import service_in
from tests.aws.s3.server import S3Server

if __name__ == "__main__":
    with S3Server(service_in(Path(sys.argv[1]))) as server:
        print(server.url, flush=True)
        sys.stdin.read()
