from __future__ import annotations

import pytest

from emberway.errors import InvalidCall
from emberway.providers.auth import api_key_header, bearer, none
from emberway.secret import Secret


def test_a_bearer_credential_travels_in_the_authorization_header():
    assert bearer(Secret("fw_123")) == ((b"authorization", b"Bearer fw_123"),)


def test_a_key_header_is_called_what_the_provider_calls_it_in_lower_case():
    assert api_key_header("X-Api-Key")(Secret("k")) == ((b"x-api-key", b"k"),)


def test_a_server_that_asks_for_no_credential_gets_none():
    assert none(Secret("k")) == ()


@pytest.mark.parametrize("scheme", [bearer, api_key_header("x-api-key")])
@pytest.mark.parametrize("value", ["", " ", "a\r\nx-evil: 1", "a\nb", "a\x00", "schlüssel", " k", "k\t"])
def test_a_credential_cannot_start_a_header_of_its_own(scheme, value):
    with pytest.raises(InvalidCall) as refused:
        scheme(Secret(value))

    assert refused.value.code == "invalid_credential"
    assert value == "" or value == " " or value not in refused.value.message
