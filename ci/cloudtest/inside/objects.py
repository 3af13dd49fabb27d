# SPDX-License-Identifier: Apache-2.0
"""Uses the object storage as the administrator; prints as JSON what came of it.

usage: objects ACTION [ARGUMENT...]

`put CONTAINER FIRST COUNT SIZE` and `get CONTAINER FIRST COUNT SIZE` put and get so many objects,
whose content follows from their names; `account` tells what the account and its containers hold,
`info` what the service can do. The others each try one thing: `large`, `temporary`, `form`,
`archive`, `versions`, `expiry`, `s3`.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import random
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests
import yaml
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session

_THREADS = 8
_SEGMENT = 5 * 2**20
_KEY = "of-the-test"


class Account:
    """The account of the administrator's project."""

    def __init__(self) -> None:
        clouds = yaml.safe_load(Path("/root/.config/openstack/clouds.yaml").read_text())["clouds"]
        plugin = Password(**clouds["admin"]["auth"])
        self.session = Session(auth=plugin)
        self.access = plugin.get_access(self.session)
        self.identity = clouds["admin"]["auth"]["auth_url"]
        where = self.session.get_endpoint(service_type="object-store", interface="internal")
        self.url = where or sys.exit("the catalogue has no object storage")
        self.http = requests.Session()
        self.http.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=_THREADS))
        self.http.headers["X-Auth-Token"] = self.access.auth_token or ""

    def __call__(self, method: str, path: str, wanted: int = 0, **options: Any) -> Any:
        """Return the answer; its status must be `wanted`, or else one of success."""
        found = self.http.request(method, f"{self.url}/{path}", timeout=60, **options)
        if (found.status_code != wanted) if wanted else (found.status_code >= 300):
            raise SystemExit(f"{method} {path}: {found.status_code} {found.text[:300]}")
        return found


def content(name: str, size: int) -> bytes:
    """Return `size` bytes that follow from `name`."""
    return random.Random(name).randbytes(size)  # noqa: S311 - it has to follow from the name


def _etag(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _names(first: str, count: str) -> Iterator[str]:
    return (f"object-{number:05}" for number in range(int(first), int(first) + int(count)))


def _each(names: Iterator[str], act: Callable[[str], str]) -> dict[str, Any]:
    """Return what `act` complains of, by name, and how long all of it took."""
    began = time.monotonic()
    with ThreadPoolExecutor(_THREADS) as pool:
        told = {name: pool.submit(act, name) for name in names}
        wrong = {name: text for name, future in told.items() if (text := future.result())}
    return {"count": len(told), "wrong": wrong, "seconds": round(time.monotonic() - began, 2)}


def put(account: Account, container: str, first: str, count: str, size: str) -> Any:
    account("PUT", container)

    def one(name: str) -> str:
        data = content(name, int(size))
        path = f"{account.url}/{container}/{name}"
        found = account.http.put(path, data=data, timeout=60)
        if found.status_code != 201:
            return f"{found.status_code} {found.text[:200]}"
        return "" if found.headers["Etag"] == _etag(data) else "another Etag"

    return _each(_names(first, count), one)


def get(account: Account, container: str, first: str, count: str, size: str) -> Any:
    def one(name: str) -> str:
        found = account.http.get(f"{account.url}/{container}/{name}", timeout=60)
        if found.status_code != 200:
            return f"{found.status_code} {found.text[:200]}"
        return "" if found.content == content(name, int(size)) else "another content"

    return _each(_names(first, count), one)


def account(account: Account) -> Any:
    head = account("HEAD", "").headers
    listed = account("GET", "?format=json").json()
    return {
        "objects": int(head["X-Account-Object-Count"]),
        "bytes": int(head["X-Account-Bytes-Used"]),
        "containers": {row["name"]: [row["count"], row["bytes"]] for row in listed},
        "listed": {
            row["name"]: len(account("GET", f"{row['name']}?format=json&limit=10000").json())
            for row in listed
        },
    }


def info(account: Account) -> Any:
    return requests.get(f"{account.url.partition('/v1/')[0]}/info", timeout=60).json()


def large(account: Account) -> Any:
    """One object of three segments, by a manifest of their names and by a prefix."""
    account("PUT", "large")
    parts = [content(f"part-{n}", _SEGMENT) for n in range(3)]
    for n, data in enumerate(parts):
        account("PUT", f"large/parts/{n}", data=data)
    manifest = [
        {
            "path": f"/large/parts/{n}",
            "etag": _etag(data),
            "size_bytes": len(data),
        }
        for n, data in enumerate(parts)
    ]
    account("PUT", "large/static?multipart-manifest=put", data=json.dumps(manifest))
    account("PUT", "large/dynamic", headers={"X-Object-Manifest": "large/parts/"})
    whole = b"".join(parts)
    bad = [{**manifest[0], "etag": "0" * 32}]
    account("PUT", "large/bad?multipart-manifest=put", wanted=400, data=json.dumps(bad))
    middle = account(
        "GET", "large/static", headers={"Range": f"bytes={_SEGMENT - 5}-{_SEGMENT + 4}"}
    )
    return {
        "static": account("GET", "large/static").content == whole,
        "dynamic": account("GET", "large/dynamic").content == whole,
        "range": middle.content == whole[_SEGMENT - 5 : _SEGMENT + 5],
    }


def _path(account: Account, path: str) -> str:
    return "/v1/" + account.url.partition("/v1/")[2] + "/" + path


def _signed(text: str) -> str:
    return hmac.new(_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


def temporary(account: Account) -> Any:
    """A URL that is good without a token, for a time."""
    account("POST", "", headers={"X-Account-Meta-Temp-URL-Key": _KEY})
    account("PUT", "temporary")
    account("PUT", "temporary/it", data=b"it")
    found = {}
    for name, expires in (("good", int(time.time()) + 60), ("late", int(time.time()) - 60)):
        signature = _signed(f"GET\n{expires}\n{_path(account, 'temporary/it')}")
        query = {"temp_url_sig": signature, "temp_url_expires": str(expires)}
        answer = requests.get(f"{account.url}/temporary/it", params=query, timeout=60)
        found[name] = [answer.status_code, answer.text if answer.ok else ""]
    found["none"] = [requests.get(f"{account.url}/temporary/it", timeout=60).status_code, ""]
    return found


def form(account: Account) -> Any:
    """A form by which a browser uploads without a token."""
    account("POST", "", headers={"X-Account-Meta-Temp-URL-Key": _KEY})
    account("PUT", "form")
    path, expires = _path(account, "form/sent-"), int(time.time()) + 60
    fields = {"redirect": "", "max_file_size": "1000", "max_file_count": "1"}
    text = "\n".join([path, *fields.values(), str(expires)])
    data = {**fields, "expires": str(expires), "signature": _signed(text)}
    sent = requests.post(
        f"{account.url}/form/sent-", data=data, files={"file": ("a.txt", b"by form")}, timeout=60
    )
    return {"status": sent.status_code, "content": account("GET", "form/sent-a.txt").text}


def archive(account: Account) -> Any:
    """Many objects in one request, and their deletion in another one."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for n in range(20):
            info = tarfile.TarInfo(f"archive/{n}")
            info.size = len(str(n))
            tar.addfile(info, io.BytesIO(str(n).encode()))
    json_wanted = {"Accept": "application/json"}
    made = account("PUT", "?extract-archive=tar.gz", data=file.getvalue(), headers=json_wanted)
    read = account("GET", "archive/7").text
    paths = "\n".join([*(f"archive/{n}" for n in range(20)), "archive"])
    plain = {**json_wanted, "Content-Type": "text/plain"}
    gone = account("POST", "?bulk-delete", data=paths, headers=plain)
    return {
        "created": made.json()["Number Files Created"],
        "read": read,
        "deleted": gone.json()["Number Deleted"],
    }


def versions(account: Account) -> Any:
    """What is overwritten is kept, where that is wanted."""
    account("PUT", "versions", headers={"X-Versions-Enabled": "true"})
    for text in ("first", "second"):
        account("PUT", "versions/it", data=text)
    listed = account("GET", "versions?versions&format=json").json()
    oldest = next(row for row in listed if not row["is_latest"])
    old = account("GET", f"versions/it?version-id={oldest['version_id']}").text
    return {"versions": len(listed), "old": old, "new": account("GET", "versions/it").text}


def expiry(account: Account) -> Any:
    """An object with a time to live is not found when that has passed."""
    account("PUT", "expiry")
    account("PUT", "expiry/it", data=b"it", headers={"X-Delete-After": "2"})
    there = account.http.get(f"{account.url}/expiry/it", timeout=60).status_code
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        status = account.http.get(f"{account.url}/expiry/it", timeout=60).status_code
        if status == 404:
            break
        time.sleep(0.2)
    return {"before": there, "after": status}


def _s3(account: Account) -> Any:
    import boto3
    from botocore.config import Config

    user, project = account.access.user_id, account.access.project_id
    made = account.session.post(
        f"{account.identity}/users/{user}/credentials/OS-EC2", json={"tenant_id": project}
    ).json()["credential"]
    return boto3.client(
        "s3",
        endpoint_url=account.url.partition("/v1/")[0],
        aws_access_key_id=made["access"],
        aws_secret_access_key=made["secret"],
        region_name="RegionOne",
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    ), made


def s3(account: Account) -> Any:
    """The same storage by Amazon's API, with a secret that Keystone gave."""
    import boto3
    from botocore.exceptions import ClientError

    client, made = _s3(account)
    client.create_bucket(Bucket="bucket")
    client.put_object(Bucket="bucket", Key="it", Body=b"by s3")
    upload = client.create_multipart_upload(Bucket="bucket", Key="large")
    parts = [content(f"part-{n}", _SEGMENT) for n in range(2)]
    tags = [
        client.upload_part(
            Bucket="bucket", Key="large", PartNumber=n, UploadId=upload["UploadId"], Body=data
        )["ETag"]
        for n, data in enumerate(parts, 1)
    ]
    client.complete_multipart_upload(
        Bucket="bucket",
        Key="large",
        UploadId=upload["UploadId"],
        MultipartUpload={"Parts": [{"ETag": t, "PartNumber": n} for n, t in enumerate(tags, 1)]},
    )
    listed = client.list_objects_v2(Bucket="bucket")["Contents"]
    body = client.get_object(Bucket="bucket", Key="large")["Body"].read()
    stranger = boto3.client(
        "s3",
        endpoint_url=account.url.partition("/v1/")[0],
        aws_access_key_id=made["access"],
        aws_secret_access_key=made["secret"][::-1],
        region_name="RegionOne",
    )
    try:
        stranger.get_object(Bucket="bucket", Key="it")
        refused = ""
    except ClientError as error:
        refused = error.response["Error"]["Code"]
    return {
        "by swift": account("GET", "bucket/it").text,
        "listed": {row["Key"]: row["Size"] for row in listed},
        "large": body == b"".join(parts),
        "another secret": refused,
    }


ACTIONS = {
    action.__name__: action
    for action in (put, get, account, info, large, temporary, form, archive, versions, expiry, s3)
}
print(json.dumps(ACTIONS[sys.argv[1]](Account(), *sys.argv[2:])))
