"""All writes of the domain, a file per noun: who acts, what is asked, one transaction, an entry in the log, an event.

Synchronous. Ids go in, rows come out, refusals are `ChatError`. Reading is elsewhere.
"""
