"""Settings shared by every place OrderHub runs in; what differs comes from typed environment variables."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_lazy as _

from orderhub import env

BASE_DIR = env.ROOT
VAR_DIR = Path(env.text("VAR_DIR", str(BASE_DIR / "var")))
#: Files of exports, written by workers and read by the site: on several machines a folder that all of them see.
EXPORTS_ROOT = Path(env.text("EXPORTS_ROOT", "") or VAR_DIR / "exports")

SECRET_KEY = env.text("SECRET_KEY")
FIELD_KEYS = env.words("FIELD_KEYS")
HASH_KEY = env.text("HASH_KEY")
DEBUG = env.flag("DEBUG", False)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
PUBLIC_URL = env.text("PUBLIC_URL", "http://127.0.0.1:8000")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

_LEAFLET = Path(str(importlib.util.find_spec("leaflet").origin)).parent  # type: ignore[union-attr]

INSTALLED_APPS = [
    "orderhub.admin_site.apps.AdminThemeConfig",  # unfold first: its templates win over Django's
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.import_export",
    "orderhub.admin_site.apps.OrderHubAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "import_export",
    "django_celery_beat",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "orderhub.apps.OrderHubConfig",
    "inventory.apps.InventoryConfig",
    "orders.apps.OrdersConfig",
    "logistics.apps.LogisticsConfig",
    "routing.apps.RoutingConfig",
    "finance.apps.FinanceConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "orderhub.admin_site.packing.PackedPages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "orderhub.admin_site.narrowing.Narrowing",
]

ROOT_URLCONF = "orderhub.urls"
WSGI_APPLICATION = "orderhub.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "orderhub" / "templates", _LEAFLET / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "libraries": {"leaflet_tags": "leaflet.templatetags.leaflet_tags"},
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

DATABASES: dict[str, dict[str, Any]] = {"default": env.database()}
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"]["OPTIONS"] = {"options": "-c jit=off -c lock_timeout=15000"}

LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "orderhub" / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_I18N = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static", _LEAFLET / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
MEDIA_ROOT = VAR_DIR / "media"

#: No tile server by default: the map draws fences and pins on a plain ground. Mainland tiles are GCJ-02.
LEAFLET_CONFIG = {
    "TILES": [("tiles", url, {"maxZoom": 18}) for url in env.words("MAP_TILES")],
    "DEFAULT_CENTER": (30.25, 120.17),
    "DEFAULT_ZOOM": 10,
    "RESET_VIEW": False,
    "SCALE": "metric",
    "NO_GLOBALS": False,
}

#: Hosts that webhooks may reach though they are private or without TLS.
WEBHOOK_PRIVATE = env.words("WEBHOOK_PRIVATE")

#: Proxies whose X-Forwarded-For is believed: how many, or their networks.
TRUSTED_PROXIES = env.proxies("TRUSTED_PROXIES")

BROKER_URL = env.text("BROKER_URL")
CELERY_BROKER_URL = BROKER_URL
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = (
    {
        "visibility_timeout": 900,
        "init_extension": False,
        "wait_time_seconds": 1,
        "polling_interval": 0.1,
        # Said outright: left to itself the queue's client takes DATABASE_URL from the process environment.
        "conn_string": "postgresql" + BROKER_URL.removeprefix("pgmq"),
    }
    if BROKER_URL.startswith("pgmq")
    else {"visibility_timeout": 900, "unacked_restore_interval": 2, "unacked_restore_throttle": 1}
    if BROKER_URL.startswith("redis")
    else {}
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "orderhub"
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 4
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
#: The state is the queue; a nudge only makes the next step start sooner than the sweep would.
NUDGE = env.flag("NUDGE", True)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "orderhub.api.authentication.ShopTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "orderhub.api.problems.problem_json",
    "COERCE_DECIMAL_TO_STRING": True,
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "OrderHub",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "orderhub.api.schema.with_problems",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {"httpx": {"level": "WARNING"}, "httpcore": {"level": "WARNING"}},
}

from orderhub.admin_site.theme import UNFOLD  # noqa: E402, F401
