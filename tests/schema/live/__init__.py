"""Tests of shared execution: subscriptions run into outlets of the tests."""
