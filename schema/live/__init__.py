"""Shared execution of subscriptions: compiles a document once, and executes an event once for all equal subscriptions.

It knows feeds and plans but no sockets: payloads leave through an `Outlet`.
"""
