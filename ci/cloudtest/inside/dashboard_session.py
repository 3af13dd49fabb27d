# SPDX-License-Identifier: Apache-2.0
"""dashboard_session.py URL [--login]: a session of the dashboard, through restarts of its servers.

Logs in as the administrator. Prints JSON: after what it was asked again, and whether it still knew
who asks; then what it answers to requests that it should refuse, and how it hands out files. With
--login that is all: the dashboard is on another machine.
"""

from __future__ import annotations

import http.cookiejar
import json
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import yaml

URL = sys.argv[1]
CLOUDS = Path("/root/.config/openstack/clouds.yaml")


class Browser:
    """As much of a browser as cookies and forms need."""

    def __init__(self) -> None:
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str, **headers: str) -> tuple[int, Any, str]:
        """Return status, headers and where it ended; an error's status is a result too."""
        return self._open(urllib.request.Request(URL + path, headers=headers))  # noqa: S310

    def post(self, path: str, **form: str) -> tuple[int, Any, str]:
        """Send a form as a page of the dashboard does."""
        form["csrfmiddlewaretoken"] = self.cookie("csrftoken").value or ""
        sent = urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(URL + path, sent, {"Referer": URL + path})  # noqa: S310
        return self._open(request)

    def _open(self, request: urllib.request.Request) -> tuple[int, Any, str]:
        try:
            with self._opener.open(request, timeout=60) as answer:
                return answer.status, answer.headers, urllib.parse.urlsplit(answer.url).path
        except urllib.error.HTTPError as error:
            return error.code, error.headers, request.full_url

    def cookie(self, name: str) -> http.cookiejar.Cookie:
        """Return the cookie that must be there."""
        return next(cookie for cookie in self.cookies if cookie.name == name)


def systemctl(*words: str) -> None:
    """Do something to services, and wait until it is done."""
    subprocess.run(["systemctl", *words], check=True)


def main() -> None:
    """Print what was found."""
    account = yaml.safe_load(CLOUDS.read_text(encoding="utf-8"))["clouds"]["admin"]["auth"]
    browser = Browser()
    browser.get("/auth/login/")
    form = {name: account[name] for name in ("username", "password")}
    browser.post("/auth/login/", region="default", **form)
    session = browser.cookie("sessionid")
    known = {}

    def ask(after: str) -> None:
        status, _headers, place = browser.get("/identity/")
        known[after] = status == 200 and place.startswith("/identity/")

    ask("login")
    if "--login" in sys.argv:
        print(json.dumps({"known": known}))
        return
    systemctl("restart", "memcached")
    ask("restart of memcached")
    systemctl("stop", "memcached")
    ask("stop of memcached")
    systemctl("start", "memcached")
    systemctl("restart", "openstack-dashboard")
    ask("restart of the dashboard")
    static = Path("/usr/share/openstack-dashboard/static/dashboard/css")
    style = next(path.name for path in sorted(static.iterdir()) if path.suffix == ".css")
    _status, headers, _place = browser.get(
        f"/static/dashboard/css/{style}", **{"Accept-Encoding": "gzip"}
    )
    stranger = Browser()
    stranger.get("/auth/login/")
    print(
        json.dumps(
            {
                "known": known,
                "http-only": session.has_nonstandard_attr("HttpOnly"),
                "session-id": bool(re.fullmatch(r"[a-z0-9]{32}", session.value or "")),
                "foreign-host": stranger.get("/auth/login/", Host="evil.example.org")[0],
                "out-of-static": stranger.get("/static/../local_settings.py")[0],
                "stranger": stranger.get("/identity/")[2],
                "encoding": headers["Content-Encoding"],
                "type": headers["Content-Type"],
                "kept": "Expires" in headers,
            }
        )
    )


main()
