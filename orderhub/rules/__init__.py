"""Decisions that staff edit: points declared by apps, rule sets as JDM documents, versions, publishing, traces."""
