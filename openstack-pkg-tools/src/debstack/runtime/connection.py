# SPDX-License-Identifier: Apache-2.0
"""The connection to the cloud of this machine, through openstacksdk, as its administrator.

openstacksdk reads /root/.config/openstack/clouds.yaml, which debstack keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from debstack.base.errors import DebstackError

CLOUD = "admin"


def connect() -> Any:
    """Return the connection to the cloud. Raises DebstackError where there is none to be had."""
    try:
        import openstack
    except ModuleNotFoundError as error:
        raise DebstackError(
            "this needs the Python library of OpenStack's clients",
            hint="run: apt-get install python3-openstacksdk",
        ) from error
    return openstack.connect(cloud=CLOUD, app_name="debstack")


def refusal() -> type[Exception]:
    """Return what openstacksdk raises where the cloud answers with an error."""
    from openstack.exceptions import HttpException

    found: type[Exception] = HttpException
    return found


@contextmanager
def errors_of_the_cloud() -> Iterator[None]:
    """Turn what openstacksdk and keystoneauth1 raise into one error with a hint."""
    from keystoneauth1.exceptions import ClientException
    from openstack.exceptions import SDKException

    try:
        yield
    except (SDKException, ClientException) as error:
        told = " ".join(str(error).split())
        raise DebstackError(
            f"the cloud refused or did not answer: {told}",
            hint="see whether all is in order with: debstack status; then run it again",
        ) from error
