"""The project's packages have common names: nothing that is installed may stand in their place."""

from importlib.metadata import packages_distributions

OURS = {"api", "auth", "chats", "foundation", "schema", "tests"}


def test_no_installed_distribution_claims_a_name_of_ours() -> None:
    installed = packages_distributions()
    assert {name: installed[name] for name in OURS & installed.keys()} == {}
    assert "django" in installed  # the list is not empty for another reason
