"""The application as `celery -A celeryapp.worker` finds it."""

from __future__ import annotations

from celeryapp.application import Settings, application

app = application(Settings.of_environment())
