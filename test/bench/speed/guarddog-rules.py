"""Runs GuardDog's source-code rules over archives, in one process. Prints seconds by the clock.

    python guarddog-rules.py ARCHIVE...       with the Python of an environment that has guarddog installed

Archives are unpacked into a temporary folder, never built or imported.
"""

import sys
import tempfile
import time

from guarddog.analyzer.analyzer import Analyzer
from guarddog.ecosystems import ECOSYSTEM
from guarddog.utils.archives import safe_extract

npm, pypi = Analyzer(ECOSYSTEM.NPM), Analyzer(ECOSYSTEM.PYPI)
started = time.perf_counter()
for path in sys.argv[1:]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            safe_extract(path, folder)
            (npm if path.endswith(".tgz") else pypi).analyze_sourcecode(folder)
        except Exception as error:
            print(f"{path}: {error}", file=sys.stderr)
print(time.perf_counter() - started)
