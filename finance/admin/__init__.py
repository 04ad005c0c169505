from finance.admin import invoice, receivable

__all__ = ["invoice", "receivable"]
