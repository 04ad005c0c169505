"""Outlines for the demo's fences, shipped as `outlines.geojson.gz`; `make` writes that file from its sources."""
