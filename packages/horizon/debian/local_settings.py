# SPDX-License-Identifier: Apache-2.0
"""How the dashboard is set as packaged; what stands in /etc/horizon wins."""

import hashlib as _hashlib
import warnings as _warnings
from pathlib import Path as _Path

from openstack_dashboard import defaults as _defaults

DEBUG = False

# The static files are collected and compressed for this URL when the package is built.
WEBROOT = "/"
STATIC_ROOT = "/usr/share/openstack-dashboard/static"
COMPRESS_OFFLINE = True

# What is compressed beforehand is that of one theme: pages do not name another one's files.
AVAILABLE_THEMES = [theme for theme in _defaults.AVAILABLE_THEMES if theme[0] == "default"]

# Sessions hold a token and the catalogue: too much for a cookie. In files, they outlive a restart
# of the dashboard, of memcached and of the machine, and the dashboard needs no database account.
SESSION_ENGINE = "django.contrib.sessions.backends.file"
SESSION_FILE_PATH = "/var/lib/horizon/sessions"
FILE_UPLOAD_TEMP_DIR = "/var/lib/horizon/uploads"


def _build():
    """Return what tells this build's static files from another's."""
    try:
        manifest = _Path(STATIC_ROOT, "dashboard", "manifest.json").read_bytes()
    except OSError:
        return "none"
    return _hashlib.sha256(manifest).hexdigest()[:16]


# Fragments of pages are kept for a month, and name compressed files: another build has its own.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "KEY_PREFIX": f"horizon-{_build()}",
        "OPTIONS": {},
    }
}

# What the dashboard itself asks; what it tells users to ask is public.
OPENSTACK_ENDPOINT_TYPE = "internalURL"

# As "openstack server create" does it: the disk is a volume only where one asks for that.
LAUNCH_INSTANCE_DEFAULTS = {**_defaults.LAUNCH_INSTANCE_DEFAULTS, "create_volume": False}

# Policies that differ from the services' defaults: copies of what is in their policy.d.
POLICY_DIRS = {
    service: [*_defaults.POLICY_DIRS.get(service, []), f"/etc/horizon/policy.d/{service}"]
    for service in _defaults.POLICY_FILES
}

# Each menu asks policies what a token may do, whatever it is for: no is an answer, no event.
_warnings.filterwarnings("ignore", message="Policy .* failed scope check", category=UserWarning)

# To the journal, which has the time.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "console": {"format": "%(levelname)s %(name)s %(message)s"},
        "operation": {"format": "%(message)s"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "console"},
        "operation": {"class": "logging.StreamHandler", "formatter": "operation"},
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        "horizon": {"level": "INFO"},
        "horizon.operation_log": {
            "handlers": ["operation"],
            "level": "INFO",
            "propagate": False,
        },
        "openstack_auth": {"level": "INFO"},
        "openstack_dashboard": {"level": "INFO"},
    },
}

_local = _Path("/etc/horizon/local_settings.py")
if _local.exists():
    exec(compile(_local.read_text(encoding="utf-8"), _local, "exec"))  # noqa: S102
