# SPDX-License-Identifier: Apache-2.0
from typing import Any

def client(service_name: str, **options: Any) -> Any: ...
