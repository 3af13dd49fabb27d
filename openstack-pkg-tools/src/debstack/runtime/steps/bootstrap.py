# SPDX-License-Identifier: Apache-2.0
"""bootstrap:<source>: the cloud's first administrator, made by Keystone's own command."""

from __future__ import annotations

from collections.abc import Sequence

from debstack.base.errors import CommandError, IdentityError
from debstack.base.run import run
from debstack.runtime.context import Context
from debstack.runtime.database.driver import Driver, driver_for, secret_forms
from debstack.runtime.site import IdentitySite
from debstack.runtime.step import Change, Step
from debstack.runtime.steps.cache import empty_caches
from debstack.spec.vocabulary import Bootstrap, Manifest

TIMEOUT_S = 300.0
ROLE = "admin"

# What the command does last, so what a killed one has not done: the role on the whole system.
_BOOTSTRAPPED = (
    "SELECT 1 FROM local_user u"
    " JOIN assignment a ON a.actor_id = u.user_id"
    " JOIN role r ON r.id = a.role_id"
    " JOIN project p ON p.id = a.target_id"
    " JOIN system_assignment s ON s.actor_id = u.user_id AND s.role_id = r.id"
    " WHERE u.name = %s AND u.domain_id = 'default' AND r.name = %s AND p.name = %s"
)


def bootstrap_environment(declared: Bootstrap, identity: IdentitySite) -> dict[str, str]:
    """Return the environment that tells the command who the administrator is."""
    return {
        "OS_BOOTSTRAP_USERNAME": identity.admin_user,
        "OS_BOOTSTRAP_PROJECT_NAME": identity.admin_project,
        "OS_BOOTSTRAP_ROLE_NAME": ROLE,
        "OS_BOOTSTRAP_REGION_ID": identity.region,
        # Who would count what there is needs a broker that may not be there yet: Keystone's command
        # would try to reach it for each thing that it makes.
        "OS_OSLO_MESSAGING_NOTIFICATIONS__DRIVER": "noop",
        declared.password_variable: str(identity.admin_password),
    }


def told_secrets(context: Context) -> list[str]:
    """Return what a traceback of a service may hold of this machine's passwords."""
    site = context.site
    held = [(account.url, account.password) for account in site.accounts.values()]
    messaging = (*site.messaging.values(), *site.messaging_of_nodes)
    held += [(account.url, account.password) for account in messaging]
    return [form for url, password in held for form in secret_forms(url, password)]


def run_bootstrap(manifest: Manifest, identity: IdentitySite, secrets: Sequence[str]) -> None:
    """Make the administrator, or give him the password of the site.

    `secrets` are masked in what is told of a failure. Raises IdentityError.
    """
    declared = manifest.package.bootstrap
    if declared is None:
        raise ValueError(f"{manifest.binary} declares no bootstrap")
    try:
        run(
            declared.command,
            env=bootstrap_environment(declared, identity),
            as_user=manifest.user or None,
            timeout_s=TIMEOUT_S,
            secrets=[identity.admin_password, *secrets],
        )
    except CommandError as error:
        raise IdentityError(
            f"making the administrator {identity.admin_user}: {error.message}",
            hint="remove the cause, then run: debstack apply",
        ) from error


class BootstrapStep(Step):
    """The administrator of a Keystone on this machine."""

    def __init__(
        self, context: Context, manifest: Manifest, declared: Bootstrap, identity: IdentitySite
    ) -> None:
        self.id = f"bootstrap:{manifest.source}"
        self.needs = frozenset(
            {f"schema:{manifest.source}/{declared.database}"}
            | {f"keys:{name}" for name in manifest.package.key_repository}
            | {f"config:{name}" for name in manifest.package.config}
        )
        self._account = context.site.accounts[(manifest.source, declared.database)]
        self._driver: Driver = driver_for(context.site.database, context.root)
        self._manifest = manifest
        self._identity = identity
        self._secrets = told_secrets(context)
        self._caches = context.site.memcached_servers

    def changes(self) -> Sequence[Change]:
        """See Step. Raises DatabaseError."""
        who = self._identity
        with self._driver.open(self._account) as session:
            found = session.rows(_BOOTSTRAPPED, [who.admin_user, ROLE, who.admin_project])
        if found:
            return []
        return [Change(summary=self._summary(), perform=self._perform)]

    def _perform(self) -> None:
        # This Keystone is new: what a cache still holds is of one before it (a region that is in
        # no table, for example, and that cannot be created because it is said to exist).
        empty_caches(self._caches)
        run_bootstrap(self._manifest, self._identity, self._secrets)

    def _summary(self) -> str:
        return f"create the cloud's administrator {self._identity.admin_user}"

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [self._summary()]


def bootstrapper(context: Context) -> Manifest | None:
    """Return the package of this machine that provides identity, if there is one."""
    providers = (m for m in context.manifests if m.package.bootstrap is not None)
    return next(providers, None)


def build(context: Context) -> list[Step]:
    """Return the step, where a package of this machine provides identity."""
    manifest = bootstrapper(context)
    identity = context.site.identity
    if manifest is None or manifest.package.bootstrap is None or identity is None:
        return []
    return [BootstrapStep(context, manifest, manifest.package.bootstrap, identity)]
