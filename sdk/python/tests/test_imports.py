"""How files of a project, and packages of an environment that lies in it, are imported."""

import importlib
import os
import py_compile
import sys
import tempfile
import unittest

from bighead import _record
from bighead._imports import Imports
from bighead._position import Sources


class ImportsTest(unittest.TestCase):
    """Each import is by our loader for definitions, and by Python's own for packages."""

    def test_environment_in_the_project(self) -> None:
        """A package's modules that are no text are found, also where the environment lies below the project's folder."""
        with tempfile.TemporaryDirectory() as folder:
            root = os.path.realpath(folder)
            packages = os.path.join(root, ".bighead", "environments", "e", "lib", "site-packages")
            os.makedirs(os.path.join(packages, "pack_of_a_test"))
            open(os.path.join(packages, "pack_of_a_test", "__init__.py"), "w").close()
            source = os.path.join(root, "x.py")
            with open(source, "w") as f:
                f.write("answer = 42\n")
            py_compile.compile(source, os.path.join(packages, "pack_of_a_test", "lib.pyc"))
            with open(os.path.join(root, "defined.py"), "w") as f:
                f.write("from pack_of_a_test.lib import answer\n")
            sources = Sources(root)
            _record.activate(_record.Recording(sources))
            sys.path.append(packages)
            try:
                with Imports(root, sources, lambda _: None) as imports:
                    imports.find_all()
                    imports.run_file("defined.py")
                    self.assertEqual(importlib.import_module("defined").answer, 42)
            finally:
                _record.activate(None)
                sys.path.remove(packages)


if __name__ == "__main__":
    unittest.main()
