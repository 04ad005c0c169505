"""A person's own machine, and `make demo`."""

from orderhub.settings.base import *  # noqa: F403
