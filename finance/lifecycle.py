"""A receivable's life: due → saved → submitted → audited, each step an answer of Kingdee."""

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
        module="finance",
        by="finance.operations.receivable.save",
    ),
    Touch(
        code="submit",
        label=_("Voucher submitted"),
        start=(S.SAVED,),
        end=S.SUBMITTED,
        module="finance",
        by="finance.operations.receivable.submit",
    ),
    Touch(
        code="audit",
        label=_("Voucher audited"),
        start=(S.SUBMITTED,),
        end=S.AUDITED,
        module="finance",
        by="finance.operations.receivable.audit",
    ),
)

LIFECYCLE = Lifecycle(
    name="receivables",
    table="finance_receivable",
    columns=("order_id", "number", "amount", "quiet_since", "open_holds"),
    touches=TOUCHES,
    set_aside="finance.operations.receivable.set_aside",
)
