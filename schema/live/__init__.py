"""Shared execution of subscriptions: a document compiled once, an event executed once for all who asked the same.

It knows feeds and plans. It knows no socket: payloads leave through an `Outlet`.
"""
