"""Shared execution: subscriptions run into outlets that the tests hold."""
