# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from debstack.runtime.listening import parse

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue
   0: 00000000:0CEA 00000000:0000 0A 00000000:00000000
   1: 0100007F:1388 00000000:0000 0A 00000000:00000000
   2: 00000000:ABCD 0100007F:1388 01 00000000:00000000
"""
TCP6 = """\
  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:1628 00000000000000000000000000000000:0000 0A
"""


def test_only_listening_wildcards_count() -> None:
    assert parse(TCP) == {3306}
    assert parse(TCP6) == {5672}
