"""The settings of the application, made alike in the tests and in the workers."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass

from celery import Celery
from kombu import Exchange, Queue

from celeryapp import tasks

_PREFIX = "HAREMQ_CELERY_"


@dataclass(frozen=True)
class Settings:
    """What a worker is told of the tests that start it."""

    url: str
    suffix: str
    # "classic" or "quorum": the type of the queues that tasks go to.
    queue_type: str = "classic"
    # A name that Celery finds a result backend by.
    backend: str = "rpc://"

    def environment(self) -> dict[str, str]:
        """What a worker process needs to make the same application."""
        return {_PREFIX + key.upper(): value for key, value in asdict(self).items()}

    @classmethod
    def of_environment(cls) -> Settings:
        """The way back from [`environment`]."""
        keys = cls.__dataclass_fields__
        return cls(**{key: os.environ[_PREFIX + key.upper()] for key in keys})

    def queue(self, label: str = "tasks") -> str:
        """The name of one of the application's queues."""
        return f"celery-{self.queue_type}-{label}-{self.suffix}"

    def exchange(self) -> str:
        """The exchange of the application's queues."""
        return f"celery-{self.queue_type}-{self.suffix}"


def application(settings: Settings) -> Celery:
    """The application: one queue for most tasks, one for tasks that crash, one with priorities."""
    app = Celery("celeryapp", broker=settings.url, backend=settings.backend, set_as_current=False)
    # Delayed delivery needs an exchange that matches patterns.
    kind = "topic" if settings.queue_type == "quorum" else "direct"
    exchange = Exchange(settings.exchange(), type=kind)

    def queue(label: str, **arguments: object) -> Queue:
        name = settings.queue(label)
        declared = {key.replace("_", "-"): value for key, value in arguments.items()}
        return Queue(name, exchange, routing_key=name, queue_arguments=declared or None)

    if settings.queue_type == "quorum":
        queues = [queue("tasks", x_queue_type="quorum")]
    else:
        queues = [queue("tasks"), queue("crashing"), queue("urgent", x_max_priority=9)]
    app.conf.update(
        task_queues=queues,
        task_default_queue=settings.queue(),
        task_default_exchange=settings.exchange(),
        task_default_exchange_type=kind,
        task_default_routing_key=settings.queue(),
        task_default_queue_type=settings.queue_type,
        broker_native_delayed_delivery_queue_type=settings.queue_type,
        broker_connection_retry_on_startup=True,
        broker_transport_options={"confirm_publish": True},
        worker_hijack_root_logger=False,
    )
    for name, options in tasks.TASKS.items():
        app.task(getattr(tasks, name), name=name, **options)
    return app
