"""The log of each chat, without gaps: appending to it, reading it back as events, and pruning its oldest part.

It holds what happened, never what was said: a replayed event shows the current rows. Publishing is in `chats.feeds`.
"""
