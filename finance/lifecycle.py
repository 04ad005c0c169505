"""A receivable's life: due → saved → submitted → audited, each step an answer of Kingdee.

No touch belongs to a module that can be switched off: an answer that arrives is taken in, whatever is on by
then. Switching finance off stops new receivables and new calls.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from finance.models import Receivable
from orderhub.lifecycle import Lifecycle, Touch

S = Receivable.State

TOUCHES = (
    Touch(
        code="save",
        label=_("Voucher saved"),
        start=(S.DUE,),
        end=S.SAVED,
        by="finance.operations.receivable.save",
    ),
    Touch(
        code="submit",
        label=_("Voucher submitted"),
        start=(S.SAVED,),
        end=S.SUBMITTED,
        by="finance.operations.receivable.submit",
    ),
    Touch(
        code="audit",
        label=_("Voucher audited"),
        start=(S.SUBMITTED,),
        end=S.AUDITED,
        by="finance.operations.receivable.audit",
    ),
)

LIFECYCLE = Lifecycle(
    name="receivables",
    table="finance_receivable",
    columns=("order_id", "number", "amount", "quiet_since", "open_holds"),
    touches=TOUCHES,
    on_move="finance.operations.receivable.note",
    set_aside="finance.operations.receivable.set_aside",
)
