"""What holds of parcels at every quiet moment."""

from django.utils.translation import gettext_lazy as _

from orderhub.invariants import Invariant

INVARIANTS = (
    Invariant(
        "sent_orders_have_parcels",
        _("An order that was sent has a parcel that was sent"),
        """SELECT o.number, format('state %s', o.state) FROM orders_order o
           WHERE o.state IN ('shipped', 'signed', 'closed') AND NOT EXISTS (SELECT 1 FROM logistics_parcel p
               WHERE p.order_id = o.id AND p.state IN ('shipped', 'signed', 'returned'))""",
    ),
    Invariant(
        "waybill_numbers_are_one_parcels",
        _("A carrier's waybill number is on one parcel, and on those that ride in it"),
        """SELECT carrier || ' ' || waybill_no, count(*)::text FROM logistics_parcel
           WHERE waybill_no <> '' AND state <> 'voided' AND rides_with_id IS NULL
           GROUP BY carrier, waybill_no HAVING count(*) > 1""",
    ),
    Invariant(
        "riders_have_their_parcels_number",
        _("What rides in another parcel has that parcel's waybill number, or none of its own"),
        """SELECT r.number, format('number %s, rides in %s with %s', r.waybill_no, p.number, p.waybill_no)
           FROM logistics_parcel r JOIN logistics_parcel p ON p.id = r.rides_with_id
           WHERE r.waybill_no <> '' AND r.waybill_no <> p.waybill_no AND r.state <> 'voided'""",
    ),
)
