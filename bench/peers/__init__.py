"""The programs that Parlor is measured against, each configured as its own documentation says."""
