"""The database and broker servers that tests use where they answer, and leave as they found them."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from psycopg import sql

DATABASE_URL = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
BROKER_URL = os.environ.get("TEST_BROKER_URL", "redis://127.0.0.1:6379/15")


def lacking() -> list[str]:
    """Which of PostgreSQL and Redis can't be used, each with its address and the reason."""
    return [text for text in (_postgresql_fault(), _redis_fault()) if text]


def _postgresql_fault() -> str | None:
    try:
        with psycopg.connect(DATABASE_URL, connect_timeout=2):
            return None
    except psycopg.Error as error:
        return f"PostgreSQL at {_place(DATABASE_URL)} ({_first_line(error)})"


def _redis_fault() -> str | None:
    try:
        with redis.Redis.from_url(BROKER_URL, socket_connect_timeout=2) as server:
            server.ping()
            return None
    except (redis.RedisError, socket.gaierror) as error:
        return f"Redis at {_place(BROKER_URL)} ({_first_line(error)})"


@contextmanager
def own_database(name: str, template: str = "template1") -> Iterator[str]:
    """The URL of a new database, a copy of the template, which is dropped afterwards whoever still uses it."""
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    with psycopg.connect(DATABASE_URL, autocommit=True) as server:
        server.execute(create)
        try:
            yield urlunsplit(urlsplit(DATABASE_URL)._replace(path=f"/{name}"))
        finally:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def outage(name: str) -> Iterator[None]:
    """The database lets nobody in, and drops whoever is in, for as long as the block lasts."""
    gate = sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}")
    with psycopg.connect(DATABASE_URL, autocommit=True) as server:
        server.execute(gate.format(sql.Identifier(name), sql.SQL("false")))
        try:
            server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            yield
        finally:
            server.execute(gate.format(sql.Identifier(name), sql.SQL("true")))


@contextmanager
def own_keys() -> Iterator[str]:
    """A prefix for the keys of one installation on the shared broker. All that begin with it are removed afterwards."""
    prefix = f"syncdeck-{secrets.token_hex(4)}."
    try:
        yield prefix
    finally:
        with redis.Redis.from_url(BROKER_URL) as server:
            for key in server.scan_iter(match=f"{prefix}*"):
                server.delete(key)


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
