"""Ground-floor tables, each kept beside the code that owns it."""

from orderhub.inbound.models import Payload, RefusedPush
from orderhub.integrations.models import Breaker, Budget, Call, Connection
from orderhub.jobs.models import Heartbeat, Job, ModuleSwitch
from orderhub.notifications.models import Bell, Pace, Recipient, Step, Told, Wording
from orderhub.outbox.models import Message
from orderhub.rules.models import Assertion, Publication, RuleSet, ShadowCount, Trace, Version
from orderhub.tickets.models import Note, Ticket

__all__ = [
    "Assertion",
    "Bell",
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
    "Step",
    "Ticket",
    "Told",
    "Trace",
    "Version",
    "Wording",
]
