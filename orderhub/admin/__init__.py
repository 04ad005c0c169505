from orderhub.admin import call, connection, job, message, payload, people, ticket

__all__ = ["call", "connection", "job", "message", "payload", "people", "ticket"]
