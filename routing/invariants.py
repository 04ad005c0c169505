"""What holds of outlets' places at every quiet moment."""

from django.utils.translation import gettext_lazy as _

from orderhub.invariants import Invariant

INVARIANTS = (
    Invariant(
        "places_are_their_ledger",
        _("Places held and confirmed are what the ledger of places says"),
        """SELECT d.outlet_id || ' ' || d.day, format('counters %s/%s, ledger %s/%s', d.held, d.confirmed, l.held, l.confirmed)
           FROM routing_capacityday d LEFT JOIN (
               SELECT capacity_id, count(*) FILTER (WHERE change = 'held') AS held,
                      count(*) FILTER (WHERE change = 'confirmed') AS confirmed
               FROM (SELECT DISTINCT ON (capacity_id, order_id) capacity_id, change FROM routing_capacityentry
                     ORDER BY capacity_id, order_id, id DESC) latest GROUP BY 1) l ON l.capacity_id = d.id
           WHERE d.held <> coalesce(l.held, 0) OR d.confirmed <> coalesce(l.confirmed, 0)""",
    ),
)
