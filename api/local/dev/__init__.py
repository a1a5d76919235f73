"""`manage.py dev`: runs everything that Parlor needs, in one foreground process. Production never imports it."""
