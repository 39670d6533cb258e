from __future__ import annotations

import pickle
import socket

import pytest
from django.core.exceptions import ImproperlyConfigured

from tom_pipeline_core.queues import forget_queues, get_queue
from tom_pipeline_core.queues.serializer import SignedJSONSerializer


@pytest.fixture(autouse=True)
def fresh_queues():
    forget_queues()
    yield
    forget_queues()


def test_a_message_carries_the_primary_key():
    queue = get_queue("default")
    queue.huey.storage.flush_all()

    assert queue.push(41)

    assert queue.waiting() == {41}
    task = queue.huey.dequeue()
    assert task.args == (41,)
    assert task.name == "run_process"


def test_a_queue_that_cannot_be_reached_does_not_stop_the_submitter(settings, tmp_path):
    settings.TOM_PIPELINES = {
        "QUEUES": {
            "default": {
                "huey_class": "huey.RedisHuey",
                "url": "redis://127.0.0.1:1/0?socket_connect_timeout=1",
            }
        }
    }
    forget_queues()

    assert get_queue("default").push(1) is False


def test_a_broker_that_never_answers_holds_a_submitter_up_for_a_bounded_time(settings):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and that is all
        port = silent.getsockname()[1]
        settings.TOM_PIPELINES = {
            "QUEUES": {
                "default": {"huey_class": "huey.RedisHuey", "url": f"redis://127.0.0.1:{port}/0"}
            }
        }
        forget_queues()
        queue = get_queue("default")

        assert queue.huey.storage.pool.connection_kwargs["socket_timeout"] == 3
        assert queue.push(1) is False


def test_an_unknown_queue_is_named():
    with pytest.raises(ImproperlyConfigured, match=r"'gpu'.*default"):
        get_queue("gpu")


def test_messages_come_back_as_they_were():
    serializer = SignedJSONSerializer(b"key")
    queue = get_queue("default")
    message = queue.huey._registry.create_message(queue._task.s(7))

    assert serializer.deserialize(serializer.serialize(message)) == message
    assert serializer.deserialize(serializer.serialize({"a": 1})) == {"a": 1}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"random bytes of somebody",
        pickle.dumps(print),
        SignedJSONSerializer(b"another key").serialize({"a": 1}),
    ],
)
def test_what_is_not_signed_with_the_key_is_refused(data):
    with pytest.raises(ValueError, match="not signed"):
        SignedJSONSerializer(b"key").deserialize(data)
