# SPDX-License-Identifier: Apache-2.0
"""object_rate.py ADDRESS CONTAINER SIZE CLIENTS SECONDS: how many objects come and go in a second.

ADDRESS is where Swift's proxy itself listens, without what terminates TLS for it. So many clients
put objects of SIZE bytes for so long, and get them for as long; wrk is what speaks for them. Prints
JSON: {"put": {…}, "get": {…}}, each with the rate (objects per second) and the 99th percentile of
the time that one took (ms). Requests go to this machine alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import yaml
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session

# The first request that the script makes is one that wrk looks at, and does not send.
_SCRIPT = """
local method, limit, body, number

function init(words)
    method, limit = words[1], tonumber(words[2])
    if method == "PUT" then body = string.rep("x", tonumber(words[3])) end
    number = 0
    wrk.headers["X-Auth-Token"] = os.getenv("TOKEN")
end

function request()
    number = number % limit + 1
    return wrk.format(method, string.format("%s/object-%07d", wrk.path, number), nil, body)
end

function done(summary, latency)
    local wrong = summary.errors
    print(string.format(
        'RESULT {"count": %d, "microseconds": %d, "slow": %d, "wrong": %d}',
        summary.requests, summary.duration, latency:percentile(99),
        wrong.connect + wrong.read + wrong.write + wrong.status + wrong.timeout))
end
"""
_MARK = "RESULT "
_LIMIT = 9999999
_TIMEOUT_S = 60


def run(method: str, url: str, token: str, clients: int, seconds: int, *words: object) -> Any:
    """Let wrk send requests; return what the script says about them. Any that failed is fatal."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_SCRIPT)
        script.flush()
        argv = ["wrk", "--threads=1", f"--connections={clients}", f"--duration={seconds}s"]
        argv += [f"--timeout={_TIMEOUT_S}s", f"--script={script.name}", url, "--", method]
        told = subprocess.run(
            [*argv, *map(str, words)],
            env={**os.environ, "TOKEN": token},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
    (line,) = (line for line in told.splitlines() if line.startswith(_MARK))
    found = json.loads(line.removeprefix(_MARK))
    if found["wrong"] or not found["count"]:
        raise SystemExit(f"{method}: {told}")
    return found


def figures(found: Any) -> dict[str, float]:
    return {
        "rate": found["count"] / found["microseconds"] * 1e6,
        "slow": found["slow"] / 1000,
    }


def main() -> None:
    address, container, *numbers = sys.argv[1:]
    size, clients, seconds = map(int, numbers)
    clouds = yaml.safe_load(Path("/root/.config/openstack/clouds.yaml").read_text())["clouds"]
    admin = clouds["admin"]
    session = Session(auth=Password(**admin["auth"]), verify=admin.get("cacert", True))
    token = session.get_token() or sys.exit("Keystone gave no token")
    where = str(session.get_endpoint(service_type="object-store", interface="internal"))
    url = f"http://{address}{urlsplit(where).path}/{container}"
    headers = {"X-Auth-Token": token}
    first, body = f"{url}/object-{1:07}", b"x" * size  # the one that wrk does not put
    requests.put(url, headers=headers, timeout=_TIMEOUT_S).raise_for_status()
    requests.put(first, data=body, headers=headers, timeout=_TIMEOUT_S).raise_for_status()
    put = run("PUT", url, token, clients, seconds, _LIMIT, size)
    # What each client had under way when the time was up is not counted, and may not be there.
    there = max(1, put["count"] - clients)
    got = run("GET", url, token, clients, seconds, there)
    for number in (1, there):
        path = f"{url}/object-{number:07}"
        if requests.get(path, headers=headers, timeout=_TIMEOUT_S).content != body:
            raise SystemExit(f"{path}: it is not what was put there")
    print(json.dumps({"put": figures(put), "get": figures(got)}))


main()
