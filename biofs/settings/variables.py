"""The environment's variables that biofs reads; here, so that to know them costs no import."""

URL_VARIABLE = "BIOFS_URL"
TOKEN_VARIABLE = "BIOFS_TOKEN"  # noqa: S105 - the variable's name
COOKIE_VARIABLE = "BIOFS_COOKIE"
