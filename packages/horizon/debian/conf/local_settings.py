# SPDX-License-Identifier: Apache-2.0
"""Settings of the dashboard, for the administrator to add to."""
#
# Three layers, the later one wins:
#
#   /etc/horizon/local_settings.py                 this file; yours, and empty as shipped
#   /etc/horizon/local_settings.d/50-debstack.py   written by "debstack apply" from your answers
#   /etc/horizon/local_settings.d/90-*.py          yours: wins over everything
#
# So put what you want to change into a file of your own in local_settings.d, for example
# 90-local.py, readable by the group horizon, and run "debstack apply": it restarts the dashboard
# if that is due. "debstack answers" shows and sets what the second layer is made from. A file in
# local_settings.d can also change a part of a setting:
#
# OPENSTACK_NEUTRON_NETWORK["enable_vpn"] = True
#
# Every setting is described in the upstream documentation:
# https://docs.openstack.org/horizon/2026.1/configuration/settings.html
#
# Policies that differ from the services' built-in defaults go to files in /etc/horizon/policy.d.
#
# Examples:
#
# SITE_BRANDING = "Our cloud"
# SESSION_TIMEOUT = 14400
# OPENSTACK_KEYSTONE_DEFAULT_DOMAIN = "Users"
