"""The way of events from the channel layer to the listeners of this process: publishing, the hub, the healing of gaps.

What an event is stands in `chats.events`, where it is stored in `chats.log`.
"""
