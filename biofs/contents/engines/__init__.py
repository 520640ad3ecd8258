"""BitTorrent clients that fetch what is not here: one interface, one module for each client."""
