"""The customer's source: fetched from S3 or from the local tree, unpacked to /opt/ml/code, its requirements installed.

The source is an `s3://` or local `.tar.gz`, a folder or a single file. AWS's image makes a package of it, for
which it needs a network; here it is only put on the path, so that it also runs isolated. A `requirements.txt` is
installed with pip.

Source: sagemaker-containers 2.8.6; S3_ENDPOINT_URL from aws/sagemaker-xgboost-container.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlparse

from smlocal_xgboost.errors import PlatformError, UserError

logger = logging.getLogger(__name__)

REQUIREMENTS = "requirements.txt"


def provide(location: str, code: Path, program: str, environ: Mapping[str, str]) -> None:
    """Have the source in the folder `code` and its requirements installed; raises UserError or PlatformError."""
    code.mkdir(parents=True, exist_ok=True)
    if location.startswith("s3://"):
        with tempfile.TemporaryDirectory() as scratch:
            bundle = Path(scratch) / "source.tar.gz"
            _download(location, bundle, environ)
            _unpack(bundle, code, location)
    elif Path(location) != code:
        _copy(Path(location), code)
    if not (code / program).is_file():
        raise UserError(f"The entry point {program} is not in the source {location}")
    if (code / REQUIREMENTS).is_file():
        _install(code / REQUIREMENTS)


def _copy(source: Path, code: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, code, dirs_exist_ok=True)
    elif source.name.endswith((".tar.gz", ".tgz")) and source.is_file():
        _unpack(source, code, str(source))
    elif source.is_file():
        shutil.copy(source, code / source.name)
    else:
        raise UserError(f"The source {source} does not exist")


def _unpack(bundle: Path, code: Path, location: str) -> None:
    try:
        with tarfile.open(bundle, "r:gz") as archive:
            archive.extractall(code, filter="data")
    except (tarfile.TarError, EOFError, OSError) as cause:
        raise UserError(f"The source {location} cannot be unpacked: {cause}") from cause


def _download(location: str, target: Path, environ: Mapping[str, str]) -> None:
    # boto3 takes half a second to import, and only sources in S3 need it.
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    address = urlparse(location)
    endpoint = environ.get("S3_ENDPOINT_URL") or environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    try:
        client = boto3.client("s3", endpoint_url=endpoint, region_name=region)
        client.download_file(address.netloc, address.path.lstrip("/"), str(target))
    except (BotoCoreError, ClientError, OSError) as cause:
        raise PlatformError(f"The source {location} cannot be fetched: {cause}") from cause


def _install(requirements: Path) -> None:
    command = [str(Path(sys.executable).with_name("pip")), "install", "-r", str(requirements)]
    logger.info("Installing the script's requirements: %s", " ".join(command))
    ended = subprocess.run(command, check=False)
    if ended.returncode:
        raise UserError(f"The requirements of the script could not be installed: pip ended with {ended.returncode}")
