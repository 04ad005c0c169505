"""What holds of the stock at every quiet moment."""

from django.utils.translation import gettext_lazy as _

from orderhub.invariants import Invariant

INVARIANTS = (
    Invariant(
        "stock_is_its_ledger",
        _("On hand and reserved are the sums of the stock ledger"),
        """SELECT coalesce(s.sku_id, m.sku_id) || '@' || coalesce(s.bin_id, m.bin_id),
                  format('counters %s/%s, ledger %s/%s', s.on_hand, s.reserved, m.on_hand, m.reserved)
           FROM inventory_stock s FULL JOIN (SELECT sku_id, bin_id, sum(on_hand_change) AS on_hand,
                    sum(reserved_change) AS reserved FROM inventory_movement GROUP BY 1, 2) m
                ON m.sku_id = s.sku_id AND m.bin_id = s.bin_id
           WHERE coalesce(s.on_hand, 0) <> coalesce(m.on_hand, 0) OR coalesce(s.reserved, 0) <> coalesce(m.reserved, 0)""",
    ),
    Invariant(
        "reserved_is_held",
        _("Reserved pieces are those of the reservations that hold"),
        """SELECT coalesce(s.sku_id, r.sku_id) || '@' || coalesce(s.bin_id, r.bin_id),
                  format('reserved %s, held %s', s.reserved, r.pieces)
           FROM inventory_stock s FULL JOIN (SELECT sku_id, bin_id, sum(quantity) AS pieces FROM inventory_reservation
                    WHERE state = 'active' GROUP BY 1, 2) r ON r.sku_id = s.sku_id AND r.bin_id = s.bin_id
           WHERE coalesce(s.reserved, 0) <> coalesce(r.pieces, 0)""",
    ),
    Invariant(
        "claims_hold_their_goods",
        _("A basket's claim on goods of the shelf holds them"),
        """SELECT c.reference, format('%s of SKU %s', c.quantity, c.sku_id) FROM inventory_claim c
           WHERE c.state = 'open' AND c.later_on IS NULL
             AND NOT EXISTS (SELECT 1 FROM inventory_reservation r WHERE r.reference = c.reference AND r.state = 'active')""",
    ),
)
