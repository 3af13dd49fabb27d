# SPDX-License-Identifier: Apache-2.0
"""Sphinx: the manual pages, of which upstream has next to none; several commands share a text."""

project = "neutron"
author = "OpenStack"
master_doc = "database"
exclude_patterns = ["built"]
_pages = {
    "agents": {
        "neutron-dhcp-agent": "OpenStack Networking agent for DHCP",
        "neutron-l3-agent": "OpenStack Networking agent for routers",
        "neutron-macvtap-agent": "OpenStack Networking agent for macvtap interfaces",
        "neutron-metadata-agent": "OpenStack Networking agent for metadata",
        "neutron-metering-agent": "OpenStack Networking agent that measures traffic",
        "neutron-openvswitch-agent": "OpenStack Networking agent for Open vSwitch",
        "neutron-ovn-agent": "OpenStack Networking agent for OVN",
        "neutron-ovn-metadata-agent": "former OpenStack Networking agent for metadata with OVN",
        "neutron-sriov-nic-agent": "OpenStack Networking agent for SR-IOV interfaces",
    },
    "checks": {
        "neutron-sanity-check": "see whether a machine can do what Neutron's configuration says",
        "neutron-status": "see whether Neutron can be upgraded",
    },
    "cleanup": {
        "neutron-ipset-cleanup": "delete sets of addresses that Neutron's agents have left",
        "neutron-netns-cleanup": "delete network namespaces that Neutron's agents have left",
        "neutron-ovs-cleanup": "delete ports of Open vSwitch that Neutron's agents have left",
    },
    "database": {"neutron-db-manage": "administer the schema of Neutron's database"},
    "ovn": {
        "ml2ovn-trace": "follow a packet through OVN by Neutron's names",
        "neutron-ovn-db-sync-util": "bring OVN's northbound database and Neutron's together",
        "neutron-ovn-migration-mtu": "make networks smaller for the tunnels of OVN",
    },
    "repairs": {
        "neutron-remove-duplicated-port-bindings": "delete what broken live migrations have left",
        "neutron-sanitize-port-binding-profile-allocation": "bring allocations into today's form",
        "neutron-sanitize-port-mac-addresses": "bring MAC addresses into their usual form",
    },
    "rootwrap": {
        "neutron-keepalived-state-change": "watch over the state of a highly available router",
        "neutron-rootwrap": "run a command as root that filters allow",
        "neutron-rootwrap-daemon": "run commands as root that filters allow",
    },
    "server": {
        "neutron-ovn-maintenance-worker": "keep OVN's northbound database as Neutron's says",
        "neutron-periodic-workers": "periodic tasks of OpenStack Networking",
        "neutron-rpc-server": "answer the agents of OpenStack Networking",
    },
    "usage": {"neutron-usage-audit": "tell what networks, ports and routers there are"},
}
man_pages = [
    (page, name, title, [author], 1)
    for page, names in _pages.items()
    for name, title in names.items()
]
