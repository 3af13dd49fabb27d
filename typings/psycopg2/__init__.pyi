# SPDX-License-Identifier: Apache-2.0
from typing import Any

from psycopg2 import extensions as extensions

class Error(Exception):
    pgcode: str | None

def connect(**parameters: Any) -> extensions.connection: ...
