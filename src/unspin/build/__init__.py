"""Commands that build what the package ships: ``python -m unspin.build model`` and ``… table``."""
