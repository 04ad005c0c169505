"""The frame around every outside platform: connections, clients, signatures, errors, and a row for each call."""
