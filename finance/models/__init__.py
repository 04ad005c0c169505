from finance.models.money import Invoice, Receivable

__all__ = ["Invoice", "Receivable"]
