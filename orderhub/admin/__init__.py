from orderhub.admin import call, connection, job, message, payload, people, recipient, ticket

__all__ = ["call", "connection", "job", "message", "payload", "people", "recipient", "ticket"]
