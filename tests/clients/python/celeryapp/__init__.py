"""A Celery application as a user writes one; the tests start its workers and send it tasks."""
