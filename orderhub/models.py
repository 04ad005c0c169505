"""Ground-floor tables, each kept beside the code that owns it."""

from orderhub.inbound.models import Payload, RefusedPush
from orderhub.integrations.models import Breaker, Budget, Call, Connection
from orderhub.jobs.models import Heartbeat, Job, ModuleSwitch
from orderhub.notifications.models import Pace, Recipient
from orderhub.outbox.models import Message
from orderhub.rules.models import Assertion, Publication, RuleSet, ShadowCount, Trace, Version
from orderhub.tickets.models import Note, Ticket

__all__ = [
    "Assertion",
    "Breaker",
    "Budget",
    "Call",
    "Connection",
    "Heartbeat",
    "Job",
    "Message",
    "ModuleSwitch",
    "Note",
    "Pace",
    "Payload",
    "Publication",
    "Recipient",
    "RefusedPush",
    "RuleSet",
    "ShadowCount",
    "Ticket",
    "Trace",
    "Version",
]
