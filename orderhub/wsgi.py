"""The WSGI entry point for granian, gunicorn and the like."""

import os

from django.core.wsgi import get_wsgi_application

from orderhub import collecting

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orderhub.settings.dev")
application = get_wsgi_application()
collecting.settle()
