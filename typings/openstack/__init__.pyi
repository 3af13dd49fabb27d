# SPDX-License-Identifier: Apache-2.0
from typing import Any

def connect(cloud: str | None = ..., *, app_name: str | None = ...) -> Any: ...
