# Guard of safe-install for this virtual environment, read at every start of its interpreter.
# Written by `safe-install setup --venv`, removed by `safe-install teardown --venv`.
import os
import sys

NODE = @NODE@
GUARD = @GUARD@
PASS = frozenset(@PASS@)
SWITCHES = frozenset(@SWITCHES@)
VALUED = frozenset(@VALUED@)


def _pip_arguments():
    """The arguments after `pip` when this process is pip (`pip …`, `python -m pip …`), else None."""
    argv = list(getattr(sys, "orig_argv", ()))[1:]
    while argv:
        word = argv.pop(0)
        if word in ("-W", "-X", "--check-hash-based-pycs"):
            argv = argv[1:]
        elif word in ("-c", "-", "--") or word.startswith("-c"):
            return None
        elif word.startswith("-") and not word.startswith("--") and "m" in word[1:]:
            module = word[word.index("m") + 1 :] or (argv.pop(0) if argv else "")
            return argv if module.split(".")[0] in ("pip", "pip3") else None
        elif not word.startswith("-"):
            name = os.path.basename(word)
            stem = name[:-4] if name.endswith(".exe") else name
            return argv if stem.startswith("pip") and stem[3:].replace(".", "").isdigit() or stem == "pip" else None
    return None


def _installs_nothing(arguments):
    """Whether pip surely installs nothing; options may stand before its command."""
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if word in SWITCHES:
            continue
        if name not in VALUED:
            return word in PASS
        if not equals:
            value = next(words, "")
        if not value or value.startswith("-"):
            return False
    return not arguments


def _run():
    # Set by the guard for the pip it runs itself, and so for that pip's own build environments.
    if os.environ.get("SAFE_INSTALL_GUARDED_PIP"):
        return
    arguments = _pip_arguments()
    if arguments is None or _installs_nothing(arguments):
        return
    if not (os.path.isfile(NODE) and os.path.isfile(GUARD)):
        sys.stderr.write(
            "safe-install: the guard of this environment is gone (%s), so pip was not run. "
            "Install safe-install again and run 'safe-install setup --venv', or delete %s [guard-missing]\n" % (GUARD, __file__)
        )
        sys.stderr.flush()
        os._exit(102)
    environment = dict(os.environ, SAFE_INSTALL_PYTHON=sys.executable)
    sys.stdout.flush()
    os.execve(NODE, [NODE, GUARD, "pip"] + arguments, environment)


try:
    _run()
except Exception as error:  # site.py would print it and let pip go on
    sys.stderr.write("safe-install: the guard of this environment failed (%s), so pip was not run [internal]\n" % error)
    sys.stderr.flush()
    os._exit(102)
