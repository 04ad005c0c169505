"""The test suite: fixed keys, no worker, cheap password hashing, a database named by ORDERHUB_TEST_DB."""

import os

os.environ.setdefault("SECRET_KEY", "test-key-of-no-value-that-is-long-enough-to-pass-the-check-0123456789")
os.environ.setdefault("FIELD_KEYS", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
os.environ.setdefault("HASH_KEY", "test-hash-key")
os.environ.setdefault("BROKER_URL", "memory://")
os.environ.setdefault("NUDGE", "0")

from orderhub.settings.base import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CELERY_TASK_ALWAYS_EAGER = False
#: Django empties the tables after a test with real transactions; elsewhere closed orders can't be truncated away.
DATABASES["default"]["OPTIONS"] = {  # noqa: F405
    "options": DATABASES["default"]["OPTIONS"]["options"] + " -c orderhub.emptying=on"  # noqa: F405
}
