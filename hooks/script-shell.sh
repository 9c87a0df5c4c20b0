#!/bin/sh
# The shell that npm runs scripts with in a project where `safe-install init` was used: every package that stands in
# node_modules is scanned before the first lifecycle script of an install runs. `npm run …` is left alone.
if [ -z "${SAFE_INSTALL_GUARDED_NPM-}" ]; then
  case ${npm_lifecycle_event-} in
    preinstall | install | postinstall | prepare | preprepare | postprepare | prepublish | dependencies | prerebuild | postrebuild | '')
      self=$(readlink -f "$0" 2>/dev/null) || self=$0
      guard=$(dirname "$self")/../bin/safe-install.js
      if [ ! -f "$guard" ]; then
        echo "safe-install: the guard is gone ($guard), so no install script was run. Run: npm install -g --ignore-scripts safe-install [guard-missing]" >&2
        exit 102
      fi
      SAFE_INSTALL_HOOK_NPM=$PPID node "$guard" hook || exit $?
      ;;
  esac
fi
exec sh "$@"
