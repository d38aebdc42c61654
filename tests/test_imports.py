"""Importing in any order gives the same names: no function of a package is hidden by a module of its name."""

from __future__ import annotations

import importlib
import pkgutil
import types

import pytest

import datamem

PACKAGES = [
    f"datamem.{found.name}" for found in pkgutil.iter_modules(datamem.__path__) if found.ispkg
]


@pytest.mark.parametrize("name", PACKAGES)
def test_what_a_package_offers_is_never_a_module_of_the_same_name(name: str) -> None:
    package = importlib.import_module(name)
    lazy = hasattr(package, "__getattr__")
    modules = {found.name for found in pkgutil.iter_modules(package.__path__)}
    for offered in getattr(package, "__all__", ()):
        assert not (lazy and offered in modules), f"{name}.{offered} is also a module"
        if offered != "query":
            assert not isinstance(getattr(package, offered), types.ModuleType)
