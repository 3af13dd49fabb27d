# SPDX-License-Identifier: Apache-2.0
class SDKException(Exception): ...

class HttpException(SDKException):
    status_code: int | None
    details: str | None

class ForbiddenException(HttpException): ...
