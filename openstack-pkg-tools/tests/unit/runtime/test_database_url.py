# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from debstack.runtime.database.driver import parse_login
from debstack.runtime.database.mariadb import password_hash, sent_password
from debstack.runtime.database.url import service_url
from debstack.runtime.site import DatabaseServer, Engine

EVERY = "a&b|c\\d\"e'f$g%h@i:j/k#l m=n;o`p"
INIT = "init_command=SET%20SESSION%20old_mode%20%3D%20%27%27"
FOREIGN = EVERY + "é ł 日本 €"


def server(engine: Engine, host: str = "", port: int = 0, ca: str = "") -> DatabaseServer:
    return DatabaseServer(engine=engine, host=host, port=port, ca=ca)


@pytest.mark.parametrize(
    ("where", "url"),
    [
        (
            server(Engine.MARIADB),
            f"mysql+pymysql://nova:pw@localhost/db?charset=utf8mb4&{INIT}"
            "&unix_socket=/run/mysqld/mysqld.sock",
        ),
        (
            server(Engine.MARIADB, "fd00::1", 3307, "/etc/ca.pem"),
            f"mysql+pymysql://nova:pw@[fd00::1]:3307/db?charset=utf8mb4&{INIT}&ssl_ca=/etc/ca.pem",
        ),
        (server(Engine.POSTGRESQL), "postgresql+psycopg2://nova:pw@127.0.0.1/db"),
        (
            server(Engine.POSTGRESQL, "db1", ca="/etc/ca.pem"),
            "postgresql+psycopg2://nova:pw@db1:5432/db?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        ),
        (server(Engine.SQLITE), "sqlite:////var/lib/nova/db.sqlite"),
    ],
)
def test_urls_as_sqlalchemy_reads_them(where: DatabaseServer, url: str) -> None:
    path = "/var/lib/nova/db.sqlite"
    assert service_url(where, database="db", user="nova", password="pw", path=path) == url


@pytest.mark.parametrize("password", [EVERY, FOREIGN, "%41", "+", "ÿ"])
def test_any_password_survives_the_url(password: str) -> None:
    url = service_url(server(Engine.POSTGRESQL), database="d_b", user="u", password=password)
    login = parse_login(url)
    assert (login.user, login.password, login.database) == ("u", password, "d_b")


@pytest.mark.parametrize("password", [EVERY, FOREIGN])
def test_pymysql_sends_the_password_as_utf8(password: str) -> None:
    url = service_url(server(Engine.MARIADB), database="d", user="u", password=password)
    assert sent_password(parse_login(url)) == password.encode()


def test_the_hash_is_the_servers() -> None:
    # SELECT PASSWORD('secret') on MariaDB
    url = service_url(server(Engine.MARIADB), database="d", user="u", password="secret")
    assert password_hash(parse_login(url)) == "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7"


def test_a_password_is_not_shown_by_a_login() -> None:
    assert "secret" not in repr(parse_login("mysql+pymysql://u:secret@localhost/d"))
