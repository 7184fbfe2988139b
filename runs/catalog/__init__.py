"""Integrations that people can take as they are: one YAML file each, and the schema that an editor checks them with."""

from runs.catalog.entries import CatalogEntry, Credential, catalog, parse_entry

__all__ = ["CatalogEntry", "Credential", "catalog", "parse_entry"]
