from orderhub.admin import call, connection, job, message, notice, payload, people, recipient, ticket, webhook

__all__ = [
    "call",
    "connection",
    "job",
    "message",
    "notice",
    "payload",
    "people",
    "recipient",
    "ticket",
    "webhook",
]
