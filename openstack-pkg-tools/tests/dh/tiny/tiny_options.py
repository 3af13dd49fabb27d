# SPDX-License-Identifier: Apache-2.0
"""The options of the service, as oslo-config-generator finds them."""

from oslo_config import cfg

_OPTIONS = [
    cfg.BoolOpt("debug", default=False, help="Say more."),
    cfg.StrOpt("colour", deprecated_name="color", help="Colour of things."),
]


def list_opts():
    """Return section to options."""
    return [("DEFAULT", _OPTIONS)]
