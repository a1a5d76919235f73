"""The way of events from the channel layer to the listeners of this process: publishing, the hub, filling gaps.

`chats.events` defines the events, `chats.log` stores them.
"""
