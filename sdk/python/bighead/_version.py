"""The one place of the version: of the SDK, of its wheel and of the binary that carries it."""

__version__ = "0.1.0"
