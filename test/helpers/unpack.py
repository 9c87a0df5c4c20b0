"""Unpacks each archive named on standard input as pip does, in a folder of its own that is removed again, and
prints one JSON line an archive: {path: sha256}. For honest archives only: it writes to disk.

Source archives: pip's own unpack_file. Wheels: zipfile, with X.data/purelib and X.data/platlib where pip puts them.
"""
import hashlib, json, os, re, sys, tempfile, zipfile

from pip._internal.utils.unpacking import unpack_file

LIBRARY = re.compile(r"^[^/]+\.data/(?:purelib|platlib)/")


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def files_of(root):
    found = {}
    for folder, _, names in os.walk(root, followlinks=True):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                found[os.path.relpath(path, root)] = digest(path)
    return found


for line in sys.stdin:
    archive = line.rstrip("\n")
    with tempfile.TemporaryDirectory() as root:
        try:
            if archive.endswith(".whl"):
                with zipfile.ZipFile(archive) as wheel:
                    wheel.extractall(root)
                found = {LIBRARY.sub("", path): sha for path, sha in files_of(root).items()}
            else:
                unpack_file(archive, root)
                found = files_of(root)
            print(json.dumps({"files": found}), flush=True)
        except Exception as error:
            print(json.dumps({"error": repr(error)}), flush=True)
