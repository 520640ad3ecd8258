"""The embedded catalogue, written by hand: its groups, its users and what they say."""
