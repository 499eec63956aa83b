"""The version; written here, not asked of the installed metadata, which costs 25 ms at every start."""

__version__ = "0.1.0"
