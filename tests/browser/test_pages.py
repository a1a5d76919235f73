"""Runs the browser scripts of this folder: what a user does on the two pages, in Chromium."""

from tests.browser.conftest import RunScript


def test_graphiql_logs_in_and_follows_a_chat_live(run_script: RunScript) -> None:
    run_script("graphiql")


def test_two_users_of_the_demo_chat_lose_nothing_with_a_socket(run_script: RunScript) -> None:
    run_script("demo")
