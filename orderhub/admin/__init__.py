from orderhub.admin import (
    call,
    connection,
    job,
    message,
    notice,
    payload,
    people,
    recipient,
    savedview,
    ticket,
    webhook,
)

__all__ = [
    "call",
    "connection",
    "job",
    "message",
    "notice",
    "payload",
    "people",
    "recipient",
    "savedview",
    "ticket",
    "webhook",
]
