"""The version of this package; that of the engine it is built with."""

__version__ = "0.1.0"
