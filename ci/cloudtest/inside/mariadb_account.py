# SPDX-License-Identifier: Apache-2.0
"""Prints what the database account of a service sees, connected as the service is told to."""

import configparser
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pymysql

source = sys.argv[1]
parser = configparser.ConfigParser(interpolation=None, strict=False)
parser.read_string(Path(f"/etc/{source}/{source}.conf.d/50-debstack.conf").read_text())
# oslo.config takes $$ for $.
url = urlsplit(parser["database"]["connection"].strip('"').replace("$$", "$"))
options = parse_qs(url.query)
tls: dict[str, Any] = {"ca": options["ssl_ca"][0]} if "ssl_ca" in options else {}
connection = pymysql.connect(
    host=url.hostname or "localhost",
    port=url.port or 3306,
    user=unquote(url.username or ""),
    password=unquote(url.password or ""),
    database=url.path.lstrip("/"),
    ssl=tls or None,
)


def rows(statement: str) -> list[tuple[Any, ...]]:
    """Return what `statement` finds."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


TABLES = (
    "SELECT TABLE_NAME, SUBSTRING_INDEX(TABLE_COLLATION, '_', 1) FROM information_schema.TABLES"
    " WHERE TABLE_SCHEMA = DATABASE()"
)
print(
    json.dumps(
        {
            "user": rows("SELECT CURRENT_USER()")[0][0],
            "cipher": rows("SHOW SESSION STATUS LIKE 'Ssl_cipher'")[0][1],
            "databases": sorted(row[0] for row in rows("SHOW DATABASES")),
            "charsets": dict(rows(TABLES)),
        }
    )
)
