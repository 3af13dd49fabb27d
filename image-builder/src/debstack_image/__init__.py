# SPDX-License-Identifier: Apache-2.0
"""build-openstack-debian-image: makes the images that an OpenStack cloud boots."""
