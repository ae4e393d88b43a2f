"""The package's own exceptions."""

from __future__ import annotations


class UnspinError(Exception):
    """Base of every error that this package raises on purpose."""


class DataError(UnspinError):
    """A data file (language model, phrase table, gold markup) is missing, damaged or of another version."""


class TableError(DataError):
    """A row of a phrase table can't be read; the message names the file and line."""


class OptionError(UnspinError, ValueError):
    """An option has a value that means nothing here."""


class MissingExtraError(UnspinError, ImportError):
    """An optional dependency is not installed; the message says what to install."""


class RescorerError(UnspinError):
    """A rescorer gave something else than a finite log-probability for each text."""
