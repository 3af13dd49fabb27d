# SPDX-License-Identifier: Apache-2.0
"""Prints the options of keystoneauth1's password plugin, session and adapter as JSON.

oslo-config-generator cannot list them: they are registered when the plugin is loaded. Run in a
process of its own, since it has to import the keystoneauth1 that the service will use.
"""

from __future__ import annotations

import json

from keystoneauth1 import loading


def plugin_options() -> dict[str, str]:
    """Return option name to the name that replaces it; that is empty unless it is deprecated."""
    options = [
        *loading.get_auth_plugin_conf_options("password"),
        *loading.get_session_conf_options(),
        *loading.get_adapter_conf_options(),
    ]
    found: dict[str, str] = {}
    for option in options:
        for old in option.deprecated_opts:
            found[(old.name or option.dest).replace("-", "_")] = option.dest
    found.update({option.dest: "" for option in options})
    return found


if __name__ == "__main__":
    print(json.dumps(plugin_options(), sort_keys=True))
