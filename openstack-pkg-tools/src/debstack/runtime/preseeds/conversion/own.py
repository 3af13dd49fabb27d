# SPDX-License-Identifier: Apache-2.0
"""The questions that Debian's package of one service asks, beside those that all ask alike.

Their names and defaults were read in the packages of Debian 13 and of unstable.
"""

from __future__ import annotations

from collections.abc import Mapping

from debstack.runtime.preseeds.conversion.rule import Rule, always, fixed, gate, never
from debstack.runtime.preseeds.conversion.values import HERE, identity_url, unbracketed

_LISTENS = "the services listen at the management address"
_CONFIRMED = "a password that is preseeded needs no second answer"
_CATALOGUE = "services find each other in Keystone's catalogue"
_ITSELF = "the service logs in there as itself"


def public_protocol(rank: int) -> Rule:
    """Return the rule for the protocol of the public URLs, asked as the `rank`th."""
    return Rule(
        target="openstack/public-protocol",
        # Their default, which nobody chose.
        implied=("http", ""),
        because="public URLs are https here; openstack/tls off makes all of them http",
        rank=rank,
    )


KEYSTONE: Mapping[str, Rule] = {
    "keystone/create-admin-tenant": gate("debstack makes the first administrator"),
    "keystone/admin-user": Rule(target="openstack/admin-user", rank=0),
    "keystone/admin-email": never("accounts have no address here"),
    "keystone/admin-password": Rule(target="openstack/admin-password", rank=0),
    "keystone/admin-password-confirm": always(_CONFIRMED),
    "keystone/passwords-do-not-match": always(_CONFIRMED),
    "keystone/admin-role-name": fixed("admin", "the administrator's role"),
    "keystone/admin-tenant-name": Rule(target="openstack/admin-project", rank=0),
    "keystone/register-endpoint": gate("debstack registers the endpoints"),
    "keystone/endpoint-ip": Rule(
        target="openstack/public-host",
        implied=HERE,
        because=_LISTENS,
        rewrite=unbracketed,
        rank=0,
    ),
    "keystone/endpoint-proto": public_protocol(0),
    "keystone/region-name": Rule(target="openstack/region", rank=0),
}

_MY_IP = Rule(
    target="openstack/management-address",
    implied=HERE,
    because="the address of the default route is used unasked",
    rewrite=unbracketed,
)
_METADATA_SECRET = Rule(target="openstack/metadata-secret")

NOVA: Mapping[str, Rule] = {
    "nova/my-ip": _MY_IP,
    "nova/configure_neutron": gate(_CATALOGUE),
    "nova/neutron_url": always(_CATALOGUE),
    "nova/neutron_admin_tenant_name": always(_ITSELF),
    "nova/neutron_admin_username": always(_ITSELF),
    "nova/neutron_admin_password": always(_ITSELF),
    "nova/metadata_secret": _METADATA_SECRET,
    "nova/configure_placement": gate(_CATALOGUE),
    "nova/placement_admin_tenant_name": fixed("service", "the project of the services"),
    "nova/placement_os_region_name": Rule(target="openstack/region", rank=3),
    "nova/placement_admin_username": always(_ITSELF),
    # Debian's nova-common makes Placement's user with it.
    "nova/placement_admin_password": Rule(target="placement/service-password", rank=3),
    "nova/cinder_os_region_name": Rule(target="openstack/region", rank=3),
    "nova-consoleproxy/daemon_type": Rule(
        target="nova/console",
        values={"novnc": "novnc"},
        only_these=True,
        why="there is no SPICE console here; nova/console offers novnc and serial",
    ),
}

NEUTRON: Mapping[str, Rule] = {
    "neutron/configure_nova": gate(_CATALOGUE),
    "neutron/nova_auth_url": Rule(target="openstack/identity-url", rewrite=identity_url, rank=3),
    "neutron/nova_region": Rule(target="openstack/region", rank=3),
    "neutron/nova_service_project_name": fixed("service", "the project of the services"),
    "neutron/nova_service_username": fixed("nova", "Nova's Keystone user"),
    "neutron/nova_service_password": Rule(target="nova/service-password", rank=3),
    "neutron-metadata/configure": gate("the metadata service is configured"),
    "neutron-metadata/metadata_secret": _METADATA_SECRET,
    "neutron-metadata/nova_metadata_host": Rule(
        target="neutron/metadata-host",
        implied=HERE,
        because="the management address of this machine is used unasked",
        rewrite=unbracketed,
    ),
    "neutron-openvswitch-agent/overlay-int-ip-address": Rule(
        target="neutron/overlay-address",
        implied=HERE,
        because="tunnels end at the management address",
        rewrite=unbracketed,
    ),
}

CINDER: Mapping[str, Rule] = {
    "cinder/volume_group": Rule(
        target="cinder/volume-group",
        implied=("",),
        because="the volume group with the most free space is found",
    ),
    "cinder/my-ip": _MY_IP,
    "cinder/glance-api-servers": always(_CATALOGUE),
}

HEAT: Mapping[str, Rule] = {
    "heat/configure_with_debconf": gate("debstack makes the domain of Heat's users"),
    "heat/heat_domain_admin_username": fixed(
        "heat_domain_admin", "the administrator of Heat's domain"
    ),
    "heat/heat_domain_admin_password": Rule(target="heat/service-heat_domain_admin-password"),
    "heat/heat_domain_name": fixed("heat", "the domain of Heat's users"),
}

HORIZON: Mapping[str, Rule] = {
    "horizon/allowed-hosts": Rule(target="horizon/allowed-hosts"),
    "horizon/activate_vhost": gate("the dashboard is served once it is installed"),
    "horizon/use_ssl": never("TLS is openstack's affair here, not each web server's"),
}

OWN: Mapping[str, Rule] = {**KEYSTONE, **NOVA, **NEUTRON, **CINDER, **HEAT, **HORIZON}
