"""The store: one SQLite file that holds what was fetched. Knows no network."""
