# SPDX-License-Identifier: Apache-2.0
"""A machine that is purged deletes what the cloud keeps of it.

apt removes all packages before it purges the first one: by then the libraries that talk to clouds
may be gone, and the answers, and whom the machine trusts. So what is needed is noted before, and
nothing but Python itself is used here. What cannot be reached, or is refused, is left and told, and
is no failure: debstack forget on the controller takes it.
"""

from __future__ import annotations

import json
import ssl
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from debstack.spec.vocabulary import DEFAULT_DOMAIN, ServiceUser

TIMEOUT_S = 30.0
#: The name of the answer's header with a token, and of the one that shows it.
_TOKEN = "X-Subject-Token"  # noqa: S105 - no token
_SHOWN = "X-Auth-Token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """How a service of the catalogue lists and deletes what it keeps of machines."""

    #: The path of the collection, and the name of its list in the answer.
    path: str
    members: str
    microversion: str


#: From 2.53 on services of all cells are known by their UUIDs (compute API reference, os-services).
KEEPERS: Mapping[str, Keeper] = {
    "compute": Keeper(path="/os-services", members="services", microversion="2.53"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One record of this machine, with all that it takes to delete it."""

    #: The catalogue service that keeps it, and the program and the machine that it is of.
    service: str
    program: str
    host: str
    #: Keystone, with its version, and in which region the service is.
    identity_url: str
    region: str
    #: Whether Keystone was on this machine: then it may be gone with all records.
    local: bool
    #: Certificates (PEM) of those whom the machine trusts besides the system's.
    authorities: str
    user: str
    password: str


def render(records: Iterable[Kept]) -> str:
    """Return the text of a note of `records`."""
    return json.dumps([asdict(record) for record in records], indent=1) + "\n"


def read(text: str) -> list[Kept]:
    """Return the records of a note. Raises ValueError and TypeError for anything else."""
    return [Kept(**found) for found in json.loads(text)]


class _Cloud:
    """The cloud as the user of a record sees it; raises OSError where it does not answer."""

    def __init__(self, record: Kept) -> None:
        self._trust = ssl.create_default_context()
        if record.authorities:
            self._trust.load_verify_locations(cadata=record.authorities)
        self._headers: dict[str, str] = {}

    def ask(self, method: str, url: str, body: object = None) -> tuple[Any, Mapping[str, str]]:
        """Return what is answered, and its headers."""
        data = None if body is None else json.dumps(body).encode()
        headers = {**self._headers, "Content-Type": "application/json"}
        request = Request(url, data, headers, method=method)  # noqa: S310 - by our own answers
        with urlopen(request, timeout=TIMEOUT_S, context=self._trust) as answer:  # noqa: S310
            text = answer.read()
            return (json.loads(text) if text else None), answer.headers

    def log_in(self, record: Kept) -> str:
        """Get a token; return the URL of the service. Raises LookupError where there is none."""
        domain = {"name": DEFAULT_DOMAIN}
        user = {"name": record.user, "domain": domain, "password": record.password}
        auth = {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": ServiceUser().project, "domain": domain}},
        }
        answer, headers = self.ask("POST", f"{record.identity_url}/auth/tokens", {"auth": auth})
        keeper = KEEPERS[record.service]
        self._headers = {
            _SHOWN: headers[_TOKEN],
            "OpenStack-API-Version": f"{record.service} {keeper.microversion}",
        }
        for service in answer["token"]["catalog"]:
            for endpoint in service["endpoints"]:
                place = (service["type"], endpoint["interface"], endpoint["region"])
                if place == (record.service, "internal", record.region):
                    return str(endpoint["url"]).rstrip("/")
        raise LookupError(f"no service of type {record.service} in region {record.region}")


def delete(record: Kept) -> int:
    """Delete the record; return how many there were.

    Raises OSError where the cloud does not answer or refuses, and LookupError or ValueError for an
    answer of another form.
    """
    cloud = _Cloud(record)
    keeper = KEEPERS[record.service]
    place = cloud.log_in(record) + keeper.path
    query = f"?host={quote(record.host, safe='')}&binary={quote(record.program, safe='')}"
    listed, _ = cloud.ask("GET", place + query)
    # A filter that the service does not know would list those of all machines.
    found = [
        member
        for member in listed[keeper.members]
        if (member["host"], member["binary"]) == (record.host, record.program)
    ]
    for member in found:
        cloud.ask("DELETE", f"{place}/{quote(str(member['id']), safe='')}")
    return len(found)


def _said(error: Exception) -> str:
    """Return why it was refused, in the words of the service where it has any."""
    if isinstance(error, HTTPError):
        try:
            (fault,) = json.loads(error.read()).values()
            return " ".join(str(fault["message"]).split())
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            pass  # of another form: the status is all that there is to tell
    return " ".join(str(error).split())


def _leave(record: Kept) -> None:
    what = f"{record.program} of {record.host}"
    try:
        if not record.password:
            raise LookupError(f"the password of {record.user} is not known here")
        if delete(record):
            print(f"debstack: the cloud knows {what} no more", file=sys.stderr)
    except (OSError, LookupError, ValueError, TypeError) as error:
        if record.local and not isinstance(error, HTTPError):
            return  # the cloud itself is gone, and its records with it
        told = f"left the record of {what} in the cloud: {_said(error)}"
        hint = f"on the controller, run: debstack forget {record.host}"
        print(f"debstack: warning: {told}\ndebstack: hint: {hint}", file=sys.stderr)


def leave(note: Path) -> int:
    """Delete the records of `note`, which debstack keep has written; return the exit code."""
    try:
        records = read(note.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError) as error:
        print(f"debstack: warning: {note}: cannot be read: {error}", file=sys.stderr)
        return 0
    for record in records:
        _leave(record)
    return 0


if __name__ == "__main__":
    sys.exit(leave(Path(sys.argv[1])))
