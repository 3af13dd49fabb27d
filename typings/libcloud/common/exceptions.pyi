# SPDX-License-Identifier: Apache-2.0
class BaseHTTPError(Exception):
    code: int
    message: str
