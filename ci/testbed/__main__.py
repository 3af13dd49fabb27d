# SPDX-License-Identifier: Apache-2.0
"""`python3 -m testbed`: see testbed.cli."""

import sys

from testbed.cli import main

sys.exit(main())
