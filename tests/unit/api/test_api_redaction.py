"""No secret of an answer gets through, and nothing else is touched."""

import json

from hypothesis import given
from hypothesis import strategies as st

from biofs.api.secrets import SECRET_FIELDS, redacted, redacted_body

PASSKEY = "f74baa78137725ed85e09ba7"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*SECRET_FIELDS, "id", "name"]) | st.text(), inner)
    ),
    max_leaves=20,
)


def test_what_opens_the_account_is_masked_wherever_it_stands() -> None:
    answer = {
        "id": 3,
        "passkey": PASSKEY,
        "Authkey": "short",
        "feeds": [f"https://example.org/{PASSKEY}/announce"],
        "personal": {"passkey": "", "torrent_pass": None},
    }
    assert redacted(answer) == {
        "id": 3,
        "passkey": "***",
        "Authkey": "***",
        "feeds": ["https://example.org/***/announce"],
        "personal": {"passkey": "", "torrent_pass": None},
    }


def test_a_body_keeps_every_other_byte() -> None:
    body = b'{ "response":{"passkey" :"f74baa78137725ed85e09ba7","n":1e3,\n"x":"\\u00e9"} } '
    assert redacted_body(body, json.loads(body)) == (
        b'{ "response":{"passkey" :"***","n":1e3,\n"x":"\\u00e9"} } '
    )


def test_a_body_that_writes_its_secret_in_escapes_is_masked() -> None:
    body = b'{"passkey":"f7\\u0034baa\\"78137725"}'
    assert redacted_body(body, json.loads(body)) == b'{"passkey":"***"}'


def test_a_short_text_is_masked_in_its_field_alone() -> None:
    assert redacted({"authkey": "e", "name": "eve"}) == {"authkey": "***", "name": "eve"}


@given(JSON)
def test_an_answer_without_secrets_stays_as_it_is(value: object) -> None:
    def has_secret(value: object) -> bool:
        if isinstance(value, dict):
            return any(
                (key.lower() in SECRET_FIELDS and bool(inner)) or has_secret(inner)
                for key, inner in value.items()
            )
        return isinstance(value, list) and any(map(has_secret, value))

    assert (redacted(value) == value) is not has_secret(value)
    body = json.dumps(value).encode()
    if not has_secret(value):
        assert redacted_body(body, value) == body
