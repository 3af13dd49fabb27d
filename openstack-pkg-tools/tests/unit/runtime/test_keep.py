# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from unit.runtime.making import install

from debstack.base.errors import DebstackError
from debstack.runtime import keep, manifests, purge


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An agent of Open vSwitch is installed, and its provider bridge has a name of its own."""
    install(tmp_path, "debstack", "neutron")  # Keystone has gone before
    etc = tmp_path / "etc/debstack"
    etc.mkdir(parents=True)
    (etc / "site.preseed").write_text(
        "debstack openstack/database select sqlite\n"
        "debstack openstack/messaging-host string broker\n"
        "neutron-common neutron/provider-bridge string br-lab\n"
    )
    for module in (keep, purge):
        monkeypatch.setattr(module, "require_root", lambda: None)
    return tmp_path


def test_what_a_purge_undoes_is_known_without_the_answers(root: Path) -> None:
    assert keep.keep("neutron-ovn-agent", root=root) == 0
    kept = manifests.read_manifest(root / "var/lib/debstack/removed/neutron-ovn-agent.json")
    undo = kept.package.task["ovn-provider-bridge"].undo
    assert undo[-2:] == ("del-br", "br-lab")


def test_a_package_that_is_not_there_is_refused(root: Path) -> None:
    with pytest.raises(DebstackError, match="neutron-ovn-agents: no package of that name"):
        keep.keep("neutron-ovn-agents", root=root)
