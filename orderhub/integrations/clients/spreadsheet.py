"""A shop that is a file: nothing can be asked of it and nothing told, so its client has no wire."""

from orderhub.integrations.clients.base import Client


class Spreadsheet(Client):
    """The account that a sheet's orders are kept under."""

    platform = "spreadsheet"
