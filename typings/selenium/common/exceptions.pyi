# SPDX-License-Identifier: Apache-2.0
class WebDriverException(Exception):
    msg: str | None
