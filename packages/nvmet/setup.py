# SPDX-License-Identifier: Apache-2.0
"""Takes the version from debian/rules, since debian/changelog is the only place that states it."""

import os

from setuptools import setup

setup(version=os.environ.get("NVMET_VERSION", "0"))
