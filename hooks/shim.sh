#!/bin/sh
# shim of safe-install for @TOOL@
# Written by `safe-install setup`, removed by `safe-install teardown`.
# Commands that install nothing go straight to the real tool; all others through the guard.
self_folder='@SHIMS@'
guard='@GUARD@'

real=
old_ifs=$IFS
IFS=:
for folder in $PATH; do
  case $folder in
    "$self_folder" | '' | [!/]*) continue ;;
  esac
  if [ -f "$folder/@TOOL@" ] && [ -x "$folder/@TOOL@" ]; then
    # Another shim of ours, found by its mark, is no real tool either.
    read_first=; read_second=
    { IFS= read -r read_first && IFS= read -r read_second; } < "$folder/@TOOL@" 2>/dev/null
    case $read_second in
      '# shim of safe-install'*) continue ;;
    esac
    real=$folder/@TOOL@
    break
  fi
done
IFS=$old_ifs

if [ -z "$real" ]; then
  echo "safe-install: no @TOOL@ on PATH besides the shim in $self_folder [tool-missing]" >&2
  exit 127
fi

@PASS@

if [ ! -f "$guard" ]; then
  echo "safe-install: the guard is gone ($guard), so @TOOL@ was not run. Install safe-install again and run 'safe-install setup', or remove the shims: rm -r '$self_folder' [guard-missing]" >&2
  exit 102
fi
node=$(command -v node) || node='@NODE@'
if [ ! -x "$node" ]; then
  echo "safe-install: no node on PATH, so the guard cannot run and @TOOL@ was not run [node-missing]" >&2
  exit 102
fi
exec "$node" "$guard" @COMMAND@ "$@"
