"""Engines through Provider, and Snowflake's arguments, which are checked and refused by the name of their part."""

import numpy as np
import pytest


@pytest.fixture
def provider(host):
    from relationalai_gnns import Provider

    return Provider(url=host.url, token=host.token)


def test_the_life_of_an_engine(provider, host):
    from relationalai_gnns import ConflictError, NotFoundError

    assert provider.create_gnn(name="my_engine", size="GPU_NV_S", settings={"auto_suspend_mins": 30}) is True
    told = provider.get_gnn("my_engine")
    assert set(told) == {"name", "id", "size", "state", "created_by", "created_on", "updated_on", "settings"}
    assert (told["size"], told["state"], told["settings"]) == ("GPU_NV_S", "READY", {"auto_suspend_mins": 30})
    assert [e["name"] for e in provider.list_gnns()] == ["default", "my_engine"]
    assert provider.suspend_gnn(name="my_engine") is True
    assert [e["name"] for e in provider.list_gnns(state="suspended")] == ["my_engine"]
    assert provider.resume_gnn(name="my_engine") is True and provider.get_gnn("my_engine")["state"] == "READY"
    with pytest.raises(ConflictError, match='engine "my_engine" exists already'):
        provider.create_gnn("my_engine")
    assert provider.delete_gnn(name="my_engine") is True and provider.delete_gnn("my_engine") is False
    assert provider.get_gnn("my_engine") is None
    with pytest.raises(NotFoundError, match='there is no engine "my_engine"'):
        provider.resume_gnn("my_engine")
    with pytest.raises(ConflictError, match="can't be deleted"):
        provider.delete_gnn("default", force=True)


@pytest.mark.parametrize("name", ["", "1a", "a b", "a/b", "x" * 65, "-a", None, 3, "é"])
def test_malformed_names_of_engines(provider, name):
    from relationalai_gnns import ValidationError

    for call in (provider.create_gnn, provider.get_gnn, provider.delete_gnn, provider.resume_gnn, provider.suspend_gnn):
        with pytest.raises(ValidationError, match="name: expected the name of an engine"):
            call(name)


@pytest.mark.parametrize(
    "given,text",
    [
        ({"size": "GPU_NV"}, 'size: expected one of "HIGHMEM_X64_S".*Did you mean "GPU_NV_S"'),
        ({"settings": {"suspend": 1}}, 'got "suspend"'),
        ({"settings": {"auto_suspend_mins": 0}}, "auto_suspend_mins"),
        ({"settings": 15}, "settings: expected a dict"),
    ],
)
def test_sizes_and_settings_are_checked(provider, host, given, text):
    from relationalai_gnns import ValidationError

    with pytest.raises(ValidationError, match=text):
        provider.create_gnn("a", **given)
    assert "a" not in host.engines
    with pytest.raises(ValidationError, match='state: expected one of "READY", "SUSPENDED"'):
        provider.list_gnns(state="RUNNING")


def test_an_engine_that_never_suspends(provider, host):
    provider.create_gnn("a", settings={"auto_suspend_mins": None})
    assert host.engines["a"]["settings"] == {"auto_suspend_mins": None}
    provider.create_gnn("b", settings={"auto_suspend_mins": np.int64(30)})
    assert host.engines["b"]["settings"] == {"auto_suspend_mins": 30}


FULL = {"account": "acc", "user": "me", "password": "pw-secret", "warehouse": "w", "app_name": "app", "auth_method": "password"}


@pytest.mark.parametrize(
    "given",
    [
        FULL,
        {"account": "a", "user": "u", "private_key_path": "k.pem", "auth_method": "key_pair"},
        {"account": "a", "oauth_token": "t", "auth_method": "oauth"},
        {"app_name": "a", "auth_method": "active_session"},
        {"account": "a", "user": "u", "auth_method": "browser"},
    ],
)
def test_snowflake_comes_later(given):
    from relationalai_gnns import NotBuiltError, Provider, SnowflakeConnector

    with pytest.raises(NotBuiltError, match="SnowflakeConnector is not built yet: it comes with the warehouse part") as error:
        SnowflakeConnector(**given, engine_name="e")
    assert "secret" not in str(error.value)
    with pytest.raises(NotBuiltError, match="Provider with Snowflake's arguments is not built yet: it comes with the warehouse part"):
        Provider(**given)


@pytest.mark.parametrize(
    "change,text",
    [
        ({"password": None}, 'password: is missing: auth_method="password" needs'),
        ({"user": ""}, "user: is missing"),
        ({"account": None}, "account: is missing"),
        ({"auth_method": "key_pair"}, "private_key_path: is missing"),
        ({"auth_method": "oauth"}, "oauth_token: is missing"),
        ({"auth_method": "kerberos"}, "auth_method: expected one of"),
        ({"auth_method": None, "password": None}, "password: is missing"),
    ],
)
def test_credentials_are_checked(change, text):
    from relationalai_gnns import Provider, SnowflakeConnector, ValidationError

    for kind in (Provider, SnowflakeConnector):
        with pytest.raises(ValidationError, match=text) as error:
            kind(**{**FULL, **change})
        assert "pw-secret" not in str(error.value)


def test_other_forms_of_snowflake():
    from relationalai_gnns import NotBuiltError, Provider, SnowflakeConnector, SnowflakeConnectorDirectAccess, ValidationError
    from relationalai_gnns.snowflake import Credentials

    with pytest.raises(NotBuiltError, match="warehouse"):
        SnowflakeConnectorDirectAccess(user="u", password="p", account="a", endpoint_url="https://x")
    with pytest.raises(ValidationError, match="goes without Snowflake's arguments"):
        Provider(**FULL, url="http://x:1")
    with pytest.raises(ValidationError, match="engine_name"):
        SnowflakeConnector(**FULL, engine_name="a b")
    assert "pw-secret" not in repr(Credentials(**FULL))
