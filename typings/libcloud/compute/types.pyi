# SPDX-License-Identifier: Apache-2.0
class Provider:
    OPENSTACK: str
