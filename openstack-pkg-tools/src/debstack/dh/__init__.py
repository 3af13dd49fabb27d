# SPDX-License-Identifier: Apache-2.0
"""The debhelper addon: dh_openstack and dh_openstackconfigure."""
