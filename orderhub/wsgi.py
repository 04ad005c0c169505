"""The WSGI entry point for granian, gunicorn and the like."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orderhub.settings.dev")
application = get_wsgi_application()
# What is loaded stays loaded: the collector need not walk all of it within somebody's request (a tenth of a second).
gc.collect()
gc.freeze()
