"""Figures of routing in templates."""

from __future__ import annotations

from django import template

from routing import words

register = template.Library()
register.filter("share", words.share)
