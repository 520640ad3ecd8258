"""What will probably be asked for next, made ready: rows of the ledger, and pieces."""
