# SPDX-License-Identifier: Apache-2.0
"""With MQKAFKA_BUNDLE=/path/to/libmqkafka.so.1 the wheel contains the library, and is one for this
platform; without it the wheel is pure Python and runs anywhere."""

import os
import shutil

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

library = os.environ.get("MQKAFKA_BUNDLE")
options = {}

if library:
    try:
        from setuptools.command.bdist_wheel import bdist_wheel
    except ImportError:  # setuptools before 70.1
        from wheel.bdist_wheel import bdist_wheel

    class PlatformDistribution(Distribution):
        def has_ext_modules(self):
            return True

    class BuildWithLibrary(build_py):
        def run(self):
            super().run()
            folder = os.path.join(self.build_lib, "mqkafka")
            self.mkpath(folder)
            shutil.copyfile(library, os.path.join(folder, "libmqkafka.so.1"))

    class PlatformWheel(bdist_wheel):
        def get_tag(self):
            return "py3", "none", super().get_tag()[2]

    options["distclass"] = PlatformDistribution
    options["cmdclass"] = {"build_py": BuildWithLibrary, "bdist_wheel": PlatformWheel}

setup(**options)
