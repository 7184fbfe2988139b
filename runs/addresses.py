"""Addresses that our own servers listen on."""

from __future__ import annotations

import argparse
import socket

from django.core.management.base import CommandError

WILDCARDS = {"0.0.0.0", "::", ""}  # noqa: S104 - recognised here, never listened on by default


def port_number(text: str) -> int:
    """An argparse type: a port a server can be told to listen on."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text} is no port; one is between 1 and 65535")
    return int(text)


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now. Raises CommandError when the host is none of this machine's."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except PermissionError as error:
        raise CommandError(f"Port {port} may only be used by root: choose one above 1023 with --port.") from error
    except socket.gaierror as error:
        raise CommandError(f"{host} is no address of this machine.") from error
    except OSError:
        return False
    return True


def require_free(host: str, port: int) -> None:
    """Raises CommandError when something else listens there already."""
    if not is_free(host, port):
        raise CommandError(f"{host}:{port} is in use: choose another port with --port (make demo PORT=8001).")


def any_free_port(host: str = "127.0.0.1") -> int:
    """A port that nothing listens on at the moment."""
    with socket.socket() as trial:
        trial.bind((host, 0))
        port: int = trial.getsockname()[1]
        return port


def address_to_open(host: str, port: int) -> str:
    """What a person on this machine types into a browser."""
    shown = "127.0.0.1" if host in WILDCARDS else host
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
