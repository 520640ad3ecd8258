"""The commands that write snapshots: to a file, and for others to fetch."""
