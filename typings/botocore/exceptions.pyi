# SPDX-License-Identifier: Apache-2.0
from typing import Any

class ClientError(Exception):
    response: dict[str, Any]
