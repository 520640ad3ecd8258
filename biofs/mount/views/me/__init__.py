"""The account behind the token or cookie."""
