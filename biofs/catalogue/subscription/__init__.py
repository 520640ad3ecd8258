"""A snapshot at a URL: asked for, fetched, checked, and followed as newer ones are published."""
