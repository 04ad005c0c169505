"""Ground-floor tables, each kept beside the code that owns it."""

from orderhub.api.models import ApiToken, CallCount, Device, KeptAnswer
from orderhub.imports.models import Import
from orderhub.inbound.models import Payload, RefusedPush
from orderhub.integrations.models import Breaker, Budget, Call, Connection
from orderhub.jobs.models import Heartbeat, Job, JobRow, ModuleSwitch
from orderhub.lists.models import SavedView
from orderhub.notifications.models import Asking, Bell, Pace, Recipient, Step, Told, Wording
from orderhub.outbox.models import Message
from orderhub.rules.models import Assertion, Publication, RuleSet, ShadowCount, Trace, Version
from orderhub.scope import Scope
from orderhub.tickets.models import Note, Ticket
from orderhub.webhooks.models import Endpoint, FeedPlace

__all__ = [
    "ApiToken",
    "Asking",
    "Assertion",
    "Bell",
    "Breaker",
    "Budget",
    "Call",
    "CallCount",
    "Connection",
    "Device",
    "Endpoint",
    "FeedPlace",
    "Heartbeat",
    "Import",
    "Job",
    "JobRow",
    "KeptAnswer",
    "Message",
    "ModuleSwitch",
    "Note",
    "Pace",
    "Payload",
    "Publication",
    "Recipient",
    "RefusedPush",
    "RuleSet",
    "SavedView",
    "Scope",
    "ShadowCount",
    "Step",
    "Ticket",
    "Told",
    "Trace",
    "Version",
    "Wording",
]
