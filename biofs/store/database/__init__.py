"""The SQLite file itself: what it is called, its tables and versions, and who opens it how."""
