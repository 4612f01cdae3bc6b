"""Feature definitions for bighead."""

from bighead._version import __version__

__all__ = ["__version__"]
