# shellcheck shell=bash
# Sourced by the scripts beside it: what the machine must have. Everything here does nothing when that is there.

# shellcheck disable=SC2034 # used by those who source this
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '\n== %s\n' "$*" >&2; }

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >&2
}

# need_packages NAME..: installs those Debian packages that are missing.
need_packages() {
  local name missing=()
  command -v dpkg-query >/dev/null || die "this is no Debian: install $* yourself, or run \`cargo test\` without this script"
  for name; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
  done
  [ "${#missing[@]}" = 0 ] && return
  say "installing ${missing[*]}"
  apt update
  # Without the flag nix-bin brings users and a daemon along.
  apt install -y --no-install-recommends "${missing[@]}"
}

need_cargo() {
  command -v cargo >/dev/null || PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
  command -v cargo >/dev/null || die "cargo was not found: install Rust 1.89 or newer"
  # Rust links with the system's C compiler, and a Rust from rustup brings none.
  command -v cc >/dev/null || need_packages gcc libc6-dev
}

# One configuration for every Nix version; nothing in it needs a daemon, build users or a network.
nix_conf() {
  cat <<'CONF'
experimental-features = nix-command flakes
build-users-group =
substituters =
builders =
sandbox = true
sandbox-fallback = false
sandbox-paths = /bin/sh=/bin/busybox
flake-registry =
CONF
}

# The server that tests start themselves; the package would start one for everybody, and only its service makes /run/sshd.
need_sshd() {
  local policy=/usr/sbin/policy-rc.d
  if [ -x /usr/sbin/sshd ] || [ -e "$policy" ]; then
    need_packages openssh-server
  else
    # shellcheck disable=SC2064 # the path as it is now
    (
      trap "as_root rm -f $policy" EXIT
      # 101: "action forbidden by policy" (invoke-rc.d(8)).
      printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
      as_root chmod 755 "$policy"
      need_packages openssh-server
    )
  fi
  [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
}

# Debian's Nix and a modern one beside it, named to the tests.
nix_for_tests() {
  local modern=${XDG_CACHE_HOME:-$HOME/.cache}/git-lattice/nix-modern
  # busybox is the shell of Nix's sandbox, ssh-keygen and gpg sign commits, kill(1) and script(1) stand for a user at a terminal.
  need_packages nix-bin busybox-static git openssh-client gpg gpg-agent ca-certificates procps bsdutils
  need_sshd
  if ! "$modern/bin/nix" --version >/dev/null 2>&1; then
    say "installing a modern Nix into $modern"
    "$root/scripts/install-nix" forky "$modern" >&2
  fi
  export GIT_LATTICE_TEST_NIX=${GIT_LATTICE_TEST_NIX:-/usr/bin/nix}
  export GIT_LATTICE_TEST_NIX_MODERN=${GIT_LATTICE_TEST_NIX_MODERN:-$modern/bin/nix}
}
