# SPDX-License-Identifier: Apache-2.0
"""Sphinx: the manual pages alone, without the extensions that upstream's documentation needs."""

from docutils import nodes
from docutils.parsers.rst import roles
from sphinx.application import Sphinx
from sphinx.domains import Domain

project = "nova"
author = "OpenStack"
master_doc = "index"
exclude_patterns = ["opts", "nova-spicehtml5proxy.rst"]
# What stands outside of these pages cannot be linked to.
suppress_warnings = ["ref.doc", "ref.option", "toc.excluded"]
_pages = {
    "nova-compute": "Nova Compute Server",
    "nova-conductor": "Nova Conductor Server",
    "nova-manage": "Nova Management Utility",
    "nova-novncproxy": "Nova noVNC Console Proxy",
    "nova-policy": "Nova Policy Inspector",
    "nova-rootwrap": "Nova Root Wrapper",
    "nova-scheduler": "Nova Scheduler Server",
    "nova-serialproxy": "Nova Serial Console Proxy",
    "nova-status": "Nova Status Utility",
}
man_pages = [(name, name, title, [author], 1) for name, title in _pages.items()]


class Options(Domain):
    """Names of options and their sections, which stand for themselves."""

    name = "oslo.config"
    roles = {  # noqa: RUF012 - as Sphinx declares it
        role: roles.GenericRole(role, nodes.literal) for role in ("group", "option")
    }


def setup(app: Sphinx) -> None:
    """Do without the extensions that know these roles."""
    app.add_domain(Options)
    for role in ("neutron-doc", "placement-doc"):
        roles.register_generic_role(role, nodes.literal)
