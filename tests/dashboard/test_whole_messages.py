"""The embedded broker never hands over half a message, and outlives the loss of its folders."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection

from dashboard.broker import prepare_embedded_broker
from dashboard.whole_messages import Channel


@pytest.fixture
def channel(settings: Any, tmp_path: Path) -> Any:
    settings.EMBEDDED_BROKER, settings.BROKER_DIR = True, tmp_path
    prepare_embedded_broker()
    folders = {"data_folder_in": str(tmp_path / "messages"), "data_folder_out": str(tmp_path / "messages")}
    options = {**folders, "control_folder": str(tmp_path / "control")}
    with Connection("filesystem://", transport="dashboard.whole_messages:Transport", transport_options=options) as made:
        yield made.channel()


def test_a_message_comes_as_it_was_sent(channel: Channel) -> None:
    channel._put("sync.default", {"body": "ß"})
    assert channel._get("sync.default") == {"body": "ß"}
    with pytest.raises(Empty):
        channel._get("sync.default")


def test_a_message_that_is_still_being_written_is_not_seen(channel: Channel, tmp_path: Path) -> None:
    Path(tmp_path, "messages", "1.sync.default.msg.partial").touch()
    with pytest.raises(Empty):
        channel._get("sync.default")


def test_an_unreadable_message_is_no_message(channel: Channel, tmp_path: Path) -> None:
    Path(tmp_path, "messages", "1.sync.default.msg").touch()
    with pytest.raises(Empty):
        channel._get("sync.default")


def test_folders_that_were_removed_are_made_again(channel: Channel, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path)
    with pytest.raises(Empty):
        channel._get("sync.default")
    channel._put("sync.default", {})
    assert channel._get("sync.default") == {}


def test_a_wait_for_a_message_ends_by_itself_so_that_a_daemon_can(channel: Channel) -> None:
    connection = channel.connection.client
    with connection.SimpleQueue("sync.default"), pytest.raises(socket.timeout):
        connection.drain_events(timeout=None)
