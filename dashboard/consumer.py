"""The part of a daemon that takes messages, without what ours never need."""

from __future__ import annotations

from celery.worker import consumer

UNUSED = "celery.worker.consumer.delayed_delivery:DelayedDelivery"


class Consumer(consumer.Consumer):
    """Makes none of the 28 quorum queues on RabbitMQ that hold back tasks with a time: what waits here are rows."""

    class Blueprint(consumer.Consumer.Blueprint):
        default_steps = [step for step in consumer.Consumer.Blueprint.default_steps if step != UNUSED]
