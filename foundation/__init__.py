"""What all layers above share: errors, Redis, the database, rate limits, and limits on memory and tasks.

It has no domain words, imports no other package of the project, and is no drawer for helpers.
"""
