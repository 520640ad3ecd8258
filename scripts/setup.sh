# shellcheck shell=bash
# Sourced by the scripts beside it: installs what is missing, in .venv and from Debian.
# `setup runtime` is what mounting needs; `setup tests` adds what the tests need.
# Says each step in a line on stderr; ends the script with one line if a step fails.
# BIOFS_PYTHON names another Python, which gets an environment of its own beside .venv.

checkout=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
venv=$checkout/.venv${BIOFS_PYTHON:+-$(basename "$BIOFS_PYTHON")}

say() { printf 'biofs: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

setup() {
  local kind=$1 locks=(requirements-build.lock requirements.lock)
  [[ $kind == runtime ]] || locks=(requirements-build.lock requirements-dev.lock)
  if in_place "$kind"; then return; fi
  # One at a time; whoever waited may find everything done.
  exec 9<"$checkout/scripts/setup.sh"
  flock 9 || die "cannot lock $checkout/scripts/setup.sh: flock failed"
  if ! in_place "$kind"; then
    # What installs need not know the secrets of what is installed.
    (
      unset BIOFS_TOKEN BIOFS_COOKIE BIOFS_PASSKEY
      install_programs "$kind"
      install_packages "$kind" "${locks[@]}"
    ) || exit 1
  fi
  # The lock must not live on in what is started next.
  exec 9<&-
}

in_place() {
  local kind=$1 stamp
  [[ -r $venv/biofs-$kind.stamp ]] || return 1
  stamp=$(<"$venv/biofs-$kind.stamp")
  [[ $stamp == "$(wanted "$kind")" && -z $(missing_programs "$kind") ]]
}

# What the environment was made from and where: anything else means to install again.
wanted() {
  local files=(requirements-build.lock requirements.lock pyproject.toml)
  [[ $1 == runtime ]] || files+=(requirements-dev.lock)
  printf '%s\n%s\n' "$checkout" "$("$venv/bin/python" --version 2>&1)"
  (cd "$checkout" && sha256sum "${files[@]}")
}

# Debian's packages for the programs that are not there. Those for building are only needed to
# build, so they are looked for in missing_for_building.
missing_programs() {
  lacks fusermount3 && echo fuse3
  if [[ $1 == tests ]]; then
    lacks git && echo git
    lacks jq && echo jq
    lacks less && echo less
    lacks rsync && echo rsync
    lacks tree && echo tree
    lacks rg && echo ripgrep
    lacks fdfind && lacks fd && echo fd-find
    lacks gio && echo libglib2.0-bin
    lacks getfattr && echo attr
    lacks ps && echo procps
    lacks zip && echo zip
    lacks zsh && echo zsh
    lacks fish && echo fish
    lacks groff && echo groff-base
    lacks mergerfs && echo mergerfs
    lacks minisign && echo minisign
    lacks samtools && echo samtools
    lacks nginx && echo nginx-light
    lacks opentracker && echo opentracker
    lacks transmission-daemon && echo transmission-daemon
    lacks qbittorrent-nox && echo qbittorrent-nox
  fi
  if [[ $1 == bench ]]; then
    lacks mksquashfs && echo squashfs-tools
    lacks squashfuse && echo squashfuse
    lacks rclone && echo rclone
    lacks curl && echo curl
    lacks sshfs && echo sshfs
    lacks ssh-keygen && echo openssh-client
    lacks btfs && echo btfs
    lacks zstd && echo zstd
  fi
  return 0
}

missing_for_building() {
  lacks pkg-config && echo pkg-config
  { ! lacks pkg-config && pkg-config --exists fuse3; } || echo libfuse3-dev
  lacks cc && echo gcc
  echo '#include <stdio.h>' | cc -E - >/dev/null 2>&1 || echo libc6-dev
  [[ -n ${BIOFS_PYTHON:-}$(suitable_python) ]] || printf '%s\n' python3 python3-venv python3-dev
}

lacks() { ! command -v "$1" >/dev/null; }

# BIOFS_PYTHON, or the first Python, that is new enough and can make an environment to compile in.
suitable_python() {
  local name path names=(python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3)
  for name in "${BIOFS_PYTHON:-${names[@]}}"; do
    path=$(command -v "$name") || continue
    if "$path" -I - 2>/dev/null <<'PYTHON'
import ensurepip, os, sys, sysconfig, venv
header = os.path.join(sysconfig.get_path("include"), "Python.h")
sys.exit(not (sys.version_info >= (3, 11) and os.path.exists(header)))
PYTHON
    then
      printf '%s\n' "$path"
      return
    fi
  done
}

install_programs() {
  local missing
  mapfile -t missing < <(missing_programs "$1"; missing_for_building)
  (( ${#missing[@]} )) || return 0
  lacks apt-get && die "not installed: ${missing[*]} (Debian's names): install them and try again"
  local root=()
  if (( EUID != 0 )); then
    lacks sudo && die "not installed: run as root: apt-get install ${missing[*]}"
    root=(sudo)
  fi
  say "installing Debian's ${missing[*]}"
  local log
  log=$(mktemp)
  if ! apt_install; then
    # A fresh machine has no lists yet. A source that fails need not be one that matters.
    "${root[@]}" apt-get update >>"$log" 2>&1
    apt_install || die "apt-get install ${missing[*]} failed: the log is $log"
  fi
  rm -f "$log"
  mapfile -t missing < <(missing_programs "$1"; missing_for_building)
  (( ${#missing[@]} == 0 )) || die "installed, and yet not to be found: ${missing[*]}"
}

apt_install() {
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
    --option DPkg::Lock::Timeout=300 "${missing[@]}" </dev/null >>"$log" 2>&1
}

install_packages() {
  local kind=$1 build_lock=$2 lock=$3 python log
  python=$(suitable_python)
  [[ -n $python ]] || die "$BIOFS_PYTHON: not a Python 3.11 or newer with venv and Python.h"
  log=$(mktemp)
  if ! [[ -x $venv/bin/pip ]] || [[ "$("$venv/bin/python" --version 2>&1)" != "$("$python" --version)" ]]
  then
    say "making $venv with $python"
    "$python" -m venv --clear "$venv" >>"$log" 2>&1 || die "cannot make $venv: the log is $log"
  fi
  say "installing the Python packages of $lock"
  rm -f "$venv"/biofs-*.stamp
  {
    pip_install --require-hashes --requirement "$checkout/$build_lock" &&
      pip_install --require-hashes --no-build-isolation --requirement "$checkout/$lock" &&
      pip_install --no-deps --no-build-isolation --editable "$checkout"
  } </dev/null >>"$log" 2>&1 || die "installing the Python packages failed: the log is $log"
  rm -f "$log"
  wanted runtime >"$venv/biofs-runtime.stamp"
  [[ $kind == runtime ]] || wanted tests >"$venv/biofs-tests.stamp"
}

pip_install() {
  "$venv/bin/python" -m pip install --disable-pip-version-check --no-input "$@"
}
