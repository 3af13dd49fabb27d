# SPDX-License-Identifier: Apache-2.0
"""What a component can declare in openstack.toml, one dataclass per table.

The comments that start with `#:` are the reference documentation of each key (openstack.toml(5)).
Defaults live here and nowhere else. Tables keyed by a name are dicts from that name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

SCHEMA = 1
#: The domain that Keystone comes with.
DEFAULT_DOMAIN = "Default"

#: The kinds of database server there are.
ENGINES = ("mariadb", "postgresql", "sqlite")

#: The controller of a further region, which shares the Keystone of the first.
REGION_ROLE = "region"
#: The machine with database and message broker of a further cell of Nova.
CELL_ROLE = "cell"
#: What a machine of a cloud can be, as the metapackages openstack-ROLE make it.
ROLES = ("controller", "compute", "storage", "object-storage", "proxy", REGION_ROLE, CELL_ROLE)
#: The catalogue services that keep records of machines, and by which debstack can delete them.
RECORD_SERVICES = ("compute",)
#: How the name of a note ends that says how to delete the records of a removed package.
RECORDS_NOTE = ".records"
#: Stands for each role that is not named, but for that of another region.
ANY_ROLE = "any"

Scalar = str | int | bool
#: One value, or several: an oslo.config MultiStrOpt gets one line each.
Value = str | int | bool | tuple[str, ...]
#: Sections of an INI file: section name to key to value.
Sections = dict[str, dict[str, Value]]


class QuestionType(StrEnum):
    """debconf's question types that an answer can have (debconf-devel(7))."""

    STRING = "string"
    BOOLEAN = "boolean"
    SELECT = "select"
    PASSWORD = "password"  # noqa: S105 - debconf's word for the type


class Priority(StrEnum):
    """debconf's priorities; `high` is reserved for what has no safe default."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Check(StrEnum):
    """What a string answer must look like; an empty answer always means "the default"."""

    ANY = "any"
    ADDRESS = "address"
    HOST = "host"
    PORT = "port"
    URL = "url"
    REGION = "region"
    PATH = "path"
    NAME = "name"
    HOST_PORTS = "host-ports"
    WEB_HOSTS = "web-hosts"
    NAMES = "names"
    DEVICES = "devices"
    NUMBER = "number"


class Detector(StrEnum):
    """Facts of the machine that can stand as the default of a question."""

    PRIMARY_ADDRESS = "primary-address"
    HOSTNAME = "hostname"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A debconf question, named <question-prefix>/<key>."""

    #: The first line a person sees; debconf's short description.
    summary: str
    #: What it means and when to change it; paragraphs separated by an empty line.
    text: str
    #: debconf's type of the question.
    type: QuestionType = QuestionType.STRING
    #: The answer if nobody gives one; empty for "found out when it is needed".
    default: str = ""
    #: How much it matters that a person sees it; `high` is for what has no safe default.
    priority: Priority = Priority.MEDIUM
    #: For `select`: the values it accepts.
    choices: tuple[str, ...] = ()
    #: For `string`: what a value must look like.
    check: Check = Check.ANY
    #: The fact of the machine that a person sees filled in.
    detect: Detector | None = None
    #: For `password`: one is made if nobody gives it. In values: ${secret.QUESTION}.
    generate: bool = False
    #: For `password`: who makes it, if that is nothing of this machine, as Ceph does its key;
    #: debstack secrets rotate refuses it.
    made_by: str = ""
    #: For `password`: what is stored with one cannot be read with another one; debstack secrets
    #: rotate refuses it.
    lasting: bool = False
    #: What debstack export answers for another machine of this cloud: its role (or any) to a value,
    #: which may hold ${…}. It stands for an answer that was not given here; one that was is handed
    #: on as it is. Without this table the answer is each machine's own. Passwords need none: those
    #: that the packages of the role use are handed on.
    export: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A database and the one user that may use it. Key: the database's name.

    In values: ${database.KEY} is its SQLAlchemy URL. The user's password is the secret
    <question-prefix>/database-password (…/database-USER-password if the source has several users).
    """

    #: The database user; the key if empty.
    user: str = ""
    #: Whether the controller of the cloud uses it too: the MariaDB of the machine then listens at
    #: the management address, by TLS unless that is off. So it does for those that are answered to
    #: openstack/databases-shared.
    remote: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The tables of a database, migrated by the service's own command. Key: the database."""

    #: The command that brings the schema up to date, run as the system user.
    sync: tuple[str, ...]
    #: Directory of the alembic revisions, below dist-packages; its heads are the wanted state.
    migrations: str
    #: The table that alembic keeps its current revisions in.
    version_table: str = "alembic_version"
    #: A name under which the finished schema is dumped when the package is built, by a migration
    #: on MariaDB, and loaded where the database is empty. Schemas that are alike share one.
    snapshot: str = ""
    #: The kinds of database server that the service can use, of mariadb, postgresql and sqlite; any
    #: if empty.
    engines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """When something is done: with a certain answer, where something is there, or both."""

    #: The question that decides, by its full name.
    question: str = ""
    #: The answer to it; without a question, what `present` must stand for, empty for anything.
    equals: str = ""
    #: A reference, without its ${}, that must stand for something here.
    present: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row that a table has to hold before any daemon of the source is started."""

    #: The database, by its key, which this source declares with a schema.
    database: str
    #: The table.
    table: str
    #: Column to value: what the row is known by. Strings may hold ${…}.
    key: dict[str, Scalar]
    #: Column to value: the other columns that are to have a value; rows that differ are changed.
    set: dict[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Rows that a command of the service makes of JSON files which the package brings. Key: a name.

    Done once the schema is there, and again whenever the files have changed since: the database
    itself holds, in the table debstack_load, what they were. No daemon waits for it.
    """

    #: The database, by its key, which this source declares with a schema.
    database: str
    #: What the command does, in a few words: load the definitions of metadata.
    summary: str
    #: The command, run as the system user, which may be run again over what it made.
    command: tuple[str, ...]
    #: The files that the command reads: an absolute path with * in its last part.
    files: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A setting that is kept elsewhere than in a file, by programs of other packages. Key: a name.

    Done as root before any daemon of the source is started, in the order of declaration.
    Strings may hold ${…}; where one of those stands for nothing here, the task is left out.
    """

    #: What the command does, in a few words: create the bridge br-ex.
    summary: str
    #: The command that prints how it is; changes nothing.
    probe: tuple[str, ...]
    #: What it prints once all is in order, without white space around it.
    expect: str
    #: The command that makes it so, which may be run again.
    command: tuple[str, ...]
    #: The command that takes it back when the package is purged; empty for nothing to take back.
    undo: tuple[str, ...] = ()
    #: Tasks of other packages of the source, as PACKAGE/NAME, that come first where they are here.
    after: tuple[str, ...] = ()
    #: Units of other packages that these commands need; started if they do not run.
    services: tuple[str, ...] = ()
    #: The condition under which it is done.
    when: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRepository:
    """A directory of Fernet keys as Keystone reads it. Key: a name.

    Made with two keys (0 staged, 1 primary), owned by the system user, 0700.
    """

    #: The directory.
    path: str
    #: The command that rotates it, run by a timer as the system user; empty for never.
    rotate: tuple[str, ...] = ()
    #: systemd calendar expression of the timer.
    on_calendar: str = "weekly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """The command that makes the first administrator; this package then provides identity.

    Run as the system user with the administrator's password in the variable `password-variable`.
    """

    #: The command, which may be run again.
    command: tuple[str, ...]
    #: The variable of its environment that takes the password.
    password_variable: str
    #: The database whose schema it needs.
    database: str
    #: The unit that must answer before anything is registered.
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A Keystone domain that the service keeps for itself. Key: the domain's name.

    Purging the package deletes it with all that is in it, as users and projects that the service
    has made.
    """

    #: What it is for, in a few words.
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A Keystone role that the service asks for by its name, given to nobody. Key: its name.

    Purging the package deletes it, and takes it from whoever was given it.
    """

    #: What it is for, in a few words.
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceUser:
    """A Keystone user of the service itself. Key: the user's name.

    In values: ${service-user.KEY.password}. Its password is the secret
    <question-prefix>/service-password (…/service-KEY-password if the source declares several, and
    for a user without a project).
    """

    #: The project that it works in, made if it is not there; empty for the domain as a whole.
    project: str = "service"
    #: The domain of user and project: Default, or one that the source declares.
    domain: str = DEFAULT_DOMAIN
    #: Its roles in the project, or on the domain.
    roles: tuple[str, ...] = ("service",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a service is reached, in all three interfaces. Part of a catalogue service."""

    #: The port, at the public, internal and admin host.
    port: int
    #: Path behind host and port, with its leading slash; may hold %(tenant_id)s.
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueService:
    """An entry of the Keystone catalogue. Key: the service type (upstream's service-types list)."""

    #: The name in the catalogue.
    name: str
    #: What it is, in a few words.
    description: str
    #: Where it is reached.
    endpoint: Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Messaging:
    """A RabbitMQ virtual host and its one user, both named like the key.

    In values: ${messaging.KEY} is its transport URL. Its password is the secret
    <question-prefix>/messaging-password. Where the machine has no broker, keys whose value
    needs it are left out. A question <question-prefix>/messaging-host, where it is declared and
    answered, names the broker of these accounts, in place of openstack/messaging-host.
    """

    #: Whether the service cannot do without a broker.
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditional(Condition):
    """Configuration that is written only with a certain answer, or where something is there."""

    #: Section to option to value.
    set: Sections
    #: Further questions that have to be answered then, by their full names.
    needs: tuple[str, ...] = ()
    #: Packages of Debian that have to be installed then.
    packages: tuple[str, ...] = ()


class Dialect(StrEnum):
    """Which reader a configuration file is written for."""

    OSLO = "oslo"
    #: Python's configparser, with quotes around values taken off, as Glance's Swift store reads.
    CONFIGPARSER = "configparser"
    #: Paste Deploy's, as Swift reads: values stand as they are, and DEFAULT holds for all sections.
    PASTE = "paste"
    #: rsyncd.conf(5)'s: as paste, and what is in DEFAULT stands before the first section.
    RSYNC = "rsync"
    #: Statements of Python, as Django's settings: in DEFAULT names, elsewhere entries of a dict.
    PYTHON = "python"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A configuration drop-in that apply writes. Key: the service's name in oslo.config.

    Written to <directory>/50-debstack.conf (50-debstack.py in the dialect python), 0640
    root:<user>.
    """

    #: The drop-in directory, for example /etc/glance/glance.conf.d.
    directory: str
    #: oslo.config namespaces that make up the option catalogue (oslo-config-generator).
    namespaces: tuple[str, ...] = ()
    #: For the dialect `paste`: sample files, by their paths in the source, that list the options.
    samples: tuple[str, ...] = ()
    #: Who reads the file; the options of `oslo` and `paste` are catalogued.
    dialect: Dialect = Dialect.OSLO
    #: For a reader that takes one file and no directory: that file, which apply makes of all
    #: drop-ins of the directory together; among those that set one option the last one wins.
    file: str = ""
    #: Section to option to value; see VALUES.
    set: Sections = field(default_factory=dict)
    #: Further options, each set of them under a condition.
    when: tuple[Conditional, ...] = ()
    #: Sections with a name of our own choosing, to the catalogued section whose options they take.
    sections_like: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """One of the rings: what is stored where. Key: its name, and that of its files."""

    #: The port at which devices serve what the ring places.
    port: int
    #: The unit that serves it, which machines with devices have.
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the cloud keeps of a machine that has this package, by the machine's name.

    Key: the program, as it is named there. The machine itself deletes it when the package is
    purged; where the cloud still has servers on the machine, it is left.
    """

    #: The type of the catalogue service that keeps it: compute.
    service: str
    #: The Keystone user, in the project service, that may delete it.
    user: str
    #: Its password: ${secret.QUESTION}.
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rings:
    """Swift's rings: made of answers where none names another machine, else fetched from there.

    The component declares the questions that say what is in them: <question-prefix>/devices,
    replicas, part-power, rebalance-limit, storage-address, mount-check and, for the machine that
    has the rings, ring-host. In values: ${rings} is build, fetch, or empty where no device is
    known; ${rings-source} where they are fetched from; ${storage-address} the address at which
    this machine's own devices are served.
    """

    #: Directory of the rings, and where they are made of the builder files; the system user's.
    directory: str
    #: Directory with one directory for each device of this machine.
    devices: str
    #: Port of the rsync daemon that has the directory of the rings as its module `rings`.
    port: int
    #: The rings.
    ring: dict[str, Ring]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAggregates:
    """The host aggregates of Nova that this machine joins, by its answers.

    The component declares the questions that name them: <question-prefix>/availability-zone and
    <question-prefix>/aggregates; and <question-prefix>/service-password, that of the user.
    """

    #: The unit, of this source, by which Nova knows the machine; it is brought up first.
    unit: str
    #: The Keystone user, in the project service, that asks Nova for it.
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeTypes:
    """Volume types of Cinder, one for each back end that this machine keeps volumes in.

    A type is called like its back end, and has that name as its property volume_backend_name. What
    there is under such a name stays as it is. The component declares the questions
    <question-prefix>/backend, which machines that keep volumes are asked, and
    <question-prefix>/default-volume-type. In values: ${volume-type} is the answer to the latter,
    else the first back end of this machine, empty where it has none.
    """

    #: The configuration, of this package, whose enabled_backends in DEFAULT names sections; what
    #: is volume_backend_name in these is the name of a back end.
    config: str
    #: The Keystone user, of this source, that asks Cinder for it with the password
    #: <question-prefix>/service-password.
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The further cells of Nova that debstack export --role cell has noted, mapped as they answer.

    Daemons of the source are restarted where a cell comes, changes or goes.
    """

    #: The database, by its key, with the table cell_mappings; of this source, with a schema.
    database: str
    #: The database, by its key, that the machine of a cell has; of this source, and `remote`.
    cell_database: str
    #: The virtual host, of this source, that the broker of a cell has.
    messaging: str
    #: The file, among the drop-ins of the daemons, that tells which cells there are, in comments.
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CephPool:
    """A pool of Ceph, and the answers with which it is used."""

    #: The pool; may hold ${…}.
    name: str
    #: The question that decides, by its full name.
    question: str
    #: Its answers with which the pool is used. `automatic` counts where openstack/ceph-monitors is
    #: answered; with any other one that has to be.
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceph:
    """What the daemons need to use Ceph, where openstack/ceph-monitors says that there is one.

    apply writes /etc/ceph/<user>.conf and /etc/ceph/<user>.client.<openstack/ceph-user>.keyring,
    0640 root:<user>, and logs in with them to see that the pools are there. In values:
    ${ceph-secret} is the UUID of the libvirt secret that is to hold the key.
    """

    #: Packages of Debian whose programs and libraries the daemons use then.
    packages: tuple[str, ...]
    #: The pools.
    pool: tuple[CephPool, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Key and certificate of the machine, once more, for daemons that are not root.

    Where the machine has one, apply writes <directory>/debstack.key and <directory>/debstack.crt,
    0640 root:<user>, and so does debstack renew. In values: ${certificate.key} and
    ${certificate.file} are their paths, and ${certificate.authority} is that of the authority whose
    certificates the machines of the cloud show each other; they stand for nothing where no machine
    is known by a certificate.
    """

    #: The directory, which the package brings.
    directory: str
    #: Questions, by their full names, whose answers are connections as Open vSwitch writes them:
    #: where one begins with ssl:, the machine needs a certificate, even if it serves nobody.
    connections: tuple[str, ...] = ()


class UnitKind(StrEnum):
    """How a daemon is run."""

    WSGI = "wsgi"
    DAEMON = "daemon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A daemon. Key: the unit's name without .service."""

    #: `wsgi` for an application that uWSGI serves, `daemon` for a command.
    kind: UnitKind
    #: systemd's description of the unit.
    description: str
    #: For `wsgi`: the application as module:attribute.
    application: str = ""
    #: The port it listens on, at ${bind-address}; needed for `wsgi`. Where TLS is on, that is the
    #: loopback, and what terminates TLS listens at the same port of the management address.
    port: int = 0
    #: For `wsgi`: threads of each process; 0 for one.
    threads: int = 0
    #: For `wsgi`: the largest chunked upload in bytes; 0 for uWSGI's own limit.
    chunked_input_limit: int = 0
    #: For `wsgi`: further lines of [uwsgi], which win over those of every unit.
    uwsgi: dict[str, Value] = field(default_factory=dict)
    #: For `wsgi`: path that answers 200 (or 300) without a token once it works.
    health_path: str = "/"
    #: For `daemon`: the command.
    command: tuple[str, ...] = ()
    #: Environment of the process.
    environment: dict[str, str] = field(default_factory=dict)
    #: Databases of this source that must be current before it starts (by key).
    databases: tuple[str, ...] = ()
    #: Units, of any source, that are brought up before it, where they are on this machine.
    after: tuple[str, ...] = ()
    #: The condition under which it runs; else it is stopped.
    when: Condition | None = None
    #: Directories below /var/lib that it writes, besides its own.
    state_directories: tuple[str, ...] = ()
    #: Further files and directories that it may write.
    writable_paths: tuple[str, ...] = ()
    #: Lines of [Service] that replace or add to the hardened default.
    service: dict[str, Value] = field(default_factory=dict)
    #: Memory one process takes, in MiB: bounds the number of processes.
    process_memory_mib: int = 150
    #: Upper bound of the number of processes, whatever the machine has.
    max_processes: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What one binary package brings. Key of [package]: the binary package's name."""

    #: Questions of its own, asked through debconf.
    question: dict[str, Question] = field(default_factory=dict)
    #: Databases on the database server, or SQLite files.
    database: dict[str, Database] = field(default_factory=dict)
    #: Their tables.
    schema: dict[str, Schema] = field(default_factory=dict)
    #: Rows of their tables.
    row: tuple[Row, ...] = ()
    #: Rows that commands of the service make of files.
    load: dict[str, Load] = field(default_factory=dict)
    #: Settings that other packages' programs keep.
    task: dict[str, Task] = field(default_factory=dict)
    #: Directories of Fernet keys.
    key_repository: dict[str, KeyRepository] = field(default_factory=dict)
    #: How the first administrator is made; the package that has it provides identity.
    bootstrap: Bootstrap | None = None
    #: Keystone domains of the service.
    domain: dict[str, Domain] = field(default_factory=dict)
    #: Keystone roles that the service needs others to have.
    role: dict[str, Role] = field(default_factory=dict)
    #: Keystone users of the service.
    service_user: dict[str, ServiceUser] = field(default_factory=dict)
    #: Entries of the Keystone catalogue.
    service: dict[str, CatalogueService] = field(default_factory=dict)
    #: RabbitMQ virtual hosts.
    messaging: dict[str, Messaging] = field(default_factory=dict)
    #: What the cloud keeps of a machine that has the package.
    record: dict[str, Record] = field(default_factory=dict)
    #: Rings, made or fetched before any daemon of the source is started.
    rings: Rings | None = None
    #: Host aggregates, joined once the machine is known to Nova.
    host_aggregates: HostAggregates | None = None
    #: Volume types, made once Cinder answers.
    volume_types: VolumeTypes | None = None
    #: Further cells of Nova, mapped before any daemon of the source is started.
    cells: Cells | None = None
    #: Access to Ceph, before any daemon of the source is started.
    ceph: Ceph | None = None
    #: The certificate of the machine, before any daemon of the source is started.
    certificate: Certificate | None = None
    #: Configuration drop-ins.
    config: dict[str, Config] = field(default_factory=dict)
    #: Daemons.
    unit: dict[str, Unit] = field(default_factory=dict)
    #: Directories of users' data (images, disks): removed by purge only if the answer says so.
    data: tuple[str, ...] = ()
    #: Packages whose code the units of this one run, besides itself.
    code_packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """openstack.toml as a whole: one per source package."""

    #: The version of this vocabulary: 1.
    schema: int
    #: The source package's name.
    source: str
    #: What a person calls it, for example OpenStack Image (Glance).
    title: str
    #: What each binary package brings, by its name.
    package: dict[str, Package]
    #: System user and group that the daemons run as, made by the first package here; or none.
    user: str = ""
    #: Prefix of the questions; the source's name if empty.
    question_prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The resolved slice of one binary package, installed below /usr/share/debstack/components."""

    schema: int
    source: str
    #: The binary package.
    binary: str
    title: str
    user: str
    question_prefix: str
    #: With the password questions that its accounts imply among the questions.
    package: Package
    #: Question of each account's password, by database:KEY, service:KEY and messaging:KEY.
    password: dict[str, str] = field(default_factory=dict)

    @property
    def registers(self) -> bool:
        """Whether the package has anything in Keystone."""
        package = self.package
        return bool(package.service_user or package.service or package.domain or package.role)
