#!/bin/sh
# Installs ompcord from the directory that this file is in, or removes it again. Asks nothing; needs no root.
#
#   ./install.sh                          into ~/.local
#   ./install.sh --prefix /usr/local      into another place (or PREFIX=/usr/local)
#   ./install.sh --uninstall              removes what it installed, and nothing else
#
# Installing over an older version updates it. Configuration and sessions are never touched.
set -eu

usage() {
  echo "usage: install.sh [--prefix DIR] [--uninstall]" >&2
  exit 2
}

prefix=${PREFIX:-${HOME:+$HOME/.local}}
action=install
while [ $# -gt 0 ]; do
  case $1 in
    --prefix)
      [ $# -ge 2 ] || usage
      prefix=$2
      shift
      ;;
    --prefix=*) prefix=${1#--prefix=} ;;
    --uninstall) action=uninstall ;;
    *) usage ;;
  esac
  shift
done
case $prefix in
  /*) ;;
  '')
    echo "install.sh: neither PREFIX nor HOME is set: say where with --prefix" >&2
    usage
    ;;
  *) prefix=$PWD/$prefix ;;
esac

here=$(cd "$(dirname "$0")" && pwd)
program=$prefix/bin/ompcord
unit=$prefix/share/systemd/user/ompcord.service

# What is installed: the name in the archive, the place below the prefix, the mode.
files() {
  cat <<'LIST'
completions/ompcord.bash share/bash-completion/completions/ompcord 644
completions/_ompcord share/zsh/site-functions/_ompcord 644
completions/ompcord.fish share/fish/vendor_completions.d/ompcord.fish 644
LICENSE share/doc/ompcord/LICENSE 644
README.md share/doc/ompcord/README.md 644
CHANGELOG.md share/doc/ompcord/CHANGELOG.md 644
.env.example share/doc/ompcord/env.example 644
install.sh share/doc/ompcord/install.sh 755
LIST
}

# The pages, one for each subcommand.
pages() {
  for page in "$1"/ompcord.1 "$1"/ompcord-*.1; do
    if [ -f "$page" ]; then printf '%s\n' "$page"; fi
  done
}

# Puts a file into its place in one step, so that a program that runs keeps the one that it has.
put() {
  mkdir -p "$(dirname "$2")"
  cp "$1" "$2.new"
  chmod "$3" "$2.new"
  mv -f "$2.new" "$2"
}

install() {
  [ -x "$here/ompcord" ] || {
    echo "install.sh: there is no ompcord beside this file: run it from the unpacked archive" >&2
    exit 1
  }
  # Before anything is replaced: what worked until now goes on working.
  "$here/ompcord" version >/dev/null || {
    echo "install.sh: the program does not run on this machine: is it the archive for $(uname -m)?" >&2
    exit 1
  }
  put "$here/ompcord" "$program" 755
  files | while read -r from to mode; do put "$here/$from" "$prefix/$to" "$mode"; done
  pages "$prefix/share/man/man1" | while read -r page; do rm -f "$page"; done
  pages "$here/man" | while read -r page; do put "$page" "$prefix/share/man/man1/$(basename "$page")" 644; done
  # The program fills in where it is. Without a PATH the unit keeps its own, which is not that of one shell.
  mkdir -p "$(dirname "$unit")"
  env -u PATH "$program" service print >"$unit.new"
  chmod 644 "$unit.new"
  mv -f "$unit.new" "$unit"
  echo "Installed: $("$program" version | head -n 1) in $program"
  case :$PATH: in
    *":$prefix/bin:"*) ;;
    *) echo "  $prefix/bin is not in your PATH: add it" ;;
  esac
  echo "Next: ompcord setup, then ompcord service install (or: systemctl --user enable --now ompcord)"
  echo "Remove it with: $prefix/share/doc/ompcord/install.sh --uninstall --prefix $prefix"
}

uninstall() {
  # A service of the user's own that starts this program would only fail from now on.
  own=${XDG_CONFIG_HOME:-${HOME:-/nowhere}/.config}/systemd/user/ompcord.service
  if [ -x "$program" ] && [ -f "$own" ] && grep -qF "$program" "$own"; then
    "$program" service uninstall || true
  elif [ -f "$unit" ] && command -v systemctl >/dev/null; then
    # Only where this very unit is the one that counts: another installation may have the service.
    used=$(systemctl --user show --property FragmentPath --value ompcord 2>/dev/null) || used=
    if [ "$used" = "$unit" ]; then systemctl --user disable --now ompcord >/dev/null 2>&1 || true; fi
  fi
  rm -f "$program" "$unit"
  files | while read -r _ to _; do rm -f "$prefix/$to"; done
  pages "$prefix/share/man/man1" | while read -r page; do rm -f "$page"; done
  # Directories that are empty now, from the inside out; others may have files in them.
  for dir in bin share/systemd/user share/systemd share/bash-completion/completions share/bash-completion \
    share/zsh/site-functions share/zsh share/fish/vendor_completions.d share/fish share/man/man1 share/man \
    share/doc/ompcord share/doc share; do
    rmdir "$prefix/$dir" 2>/dev/null || true
  done
  echo "Removed. Configuration (~/.config/ompcord) and sessions (~/.local/state/ompcord) are left as they are."
}

$action
