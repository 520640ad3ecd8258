"""What several tests of the API share."""

from hypothesis import strategies as st

from biofs.api.secrets import Secret

BASE = "https://torrents.bio"
TOKEN = Secret("tok-3f9a8b7c6d5e")
COOKIE = Secret("session=s3ss10n0f; userid=3")

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
"""Any value JSON can hold, and a few it cannot."""
