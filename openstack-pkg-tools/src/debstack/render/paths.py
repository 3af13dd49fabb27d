# SPDX-License-Identifier: Apache-2.0
"""Where the files of a component lie on a target."""

from __future__ import annotations

from pathlib import PurePosixPath

from debstack.spec import copies, drop_in
from debstack.spec.questions import has_data
from debstack.spec.vocabulary import Component, UnitKind

MANIFESTS = "/usr/share/debstack/components"
OPTIONS = "/usr/share/debstack/options"
UWSGI = "/usr/share/debstack/uwsgi"
UNITS = "/usr/lib/systemd/system"
KEPT_MANIFESTS = "/var/lib/debstack/removed"
#: Where debstack's prerm keeps its modules for the purge of packages that were removed with it.
KEPT_MODULES = "/var/lib/debstack/modules"
#: What debstack's postrm leaves where packages that were removed before it are yet to be purged.
PURGED_MARK = "/var/lib/debstack/purged"
#: Where apply puts an empty file for each unit that runs with these answers, and not with others.
MARKS = "/var/lib/debstack/units"


def schema_snapshot(source: str, name: str) -> str:
    """Return the path of the finished schema `name` that the packages of `source` bring."""
    return f"/usr/share/debstack/schemas/{source}-{name}.json"


def home(component: Component) -> str:
    """Return the home directory of the component's system user."""
    return f"/var/lib/{component.user}"


def uwsgi_drop_ins(component: Component, unit: str) -> str:
    """Return the directory that the uWSGI configuration of `unit` includes."""
    return f"/etc/{component.user}/{unit}-uwsgi.d"


def uwsgi_drop_in(component: Component, unit: str) -> str:
    """Return the file that apply writes into the directory of uwsgi_drop_ins."""
    return f"{uwsgi_drop_ins(component, unit)}/{drop_in.NAME}.ini"


def written_by_apply(component: Component, binary: str) -> list[str]:
    """Return the files that apply writes into the drop-in directories of `binary`, sorted."""
    configs = component.package[binary].config.values()
    found = {drop_in.path_of(config) for config in configs}
    found.update(config.file for config in configs if config.file)
    found.update(uwsgi_drop_in(component, name) for name in wsgi_units(component, binary))
    cells = component.package[binary].cells
    found.update({cells.file} if cells else ())
    certificate = component.package[binary].certificate
    found.update(copies.paths_of(certificate) if certificate else ())
    return sorted(found)


def access_to_ceph(component: Component, binary: str) -> list[str]:
    """Return shell patterns of the files that apply writes for `binary` to use Ceph."""
    if component.package[binary].ceph is None:
        return []
    return [f"/etc/ceph/{component.user}.conf", f"/etc/ceph/{component.user}.client.*.keyring"]


def brings_user(component: Component, binary: str) -> bool:
    """Say whether `binary` is the package that makes the system user: the first of the file."""
    return bool(component.user) and next(iter(component.package)) == binary


def wsgi_units(component: Component, binary: str) -> list[str]:
    """Return the names of the units of `binary` that uWSGI runs."""
    units = component.package[binary].unit
    return [name for name, unit in units.items() if unit.kind is UnitKind.WSGI]


def configuration_directories(component: Component, binary: str) -> list[str]:
    """Return the drop-in directories below /etc that `binary` ships, sorted."""
    package = component.package[binary]
    found = {config.directory for config in package.config.values()}
    found.update(uwsgi_drop_ins(component, name) for name in wsgi_units(component, binary))
    return sorted(found)


def state_directories(component: Component, binary: str) -> list[str]:
    """Return the directories of the system user that `binary` makes, parents first."""
    package = component.package[binary]
    found = set(package.data)
    found.update(f"/var/lib/{path}" for u in package.unit.values() for path in u.state_directories)
    if brings_user(component, binary):
        found.add(home(component))
    return sorted(found)


def purged_with_data(component: Component, binary: str) -> list[str]:
    """Return the directories that purge removes once the answer says so, children first."""
    package = component.package[binary]
    keys = {repository.path for repository in package.key_repository.values()}
    return sorted(keys.union(state_directories(component, binary)), reverse=True)


def purged_if_empty(component: Component, binary: str) -> list[str]:
    """Return the directories that purge removes where nothing is left in them, children first."""
    found = set(configuration_directories(component, binary))
    found.update(str(PurePosixPath(directory).parent) for directory in list(found))
    found.discard("/etc")
    return sorted(found.union(purged_with_data(component, binary)), reverse=True)


def asks_before_purge(component: Component, binary: str) -> bool:
    """Say whether purging `binary` can delete what its users may miss."""
    return has_data(component.package[binary]) or brings_user(component, binary)
