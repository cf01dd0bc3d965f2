# shellcheck shell=bash
# Sourced by the other scripts: installs what they need, and does nothing if it is installed already.

# shellcheck disable=SC2034 # used by the scripts that source this
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

# need_packages NAME..: installs the Debian packages that are missing.
need_packages() {
  local name missing=()
  command -v dpkg-query >/dev/null || die "this is not Debian: install $* yourself, or run \`cargo test\` without this script"
  for name; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
  done
  [ "${#missing[@]}" = 0 ] && return
  say "installing ${missing[*]}"
  apt update
  # Without the flag, nix-bin also installs users and a daemon.
  apt install -y --no-install-recommends "${missing[@]}"
}

# cargo and rustc of the version that Cargo.toml requires, or newer: those installed, else by rustup, else from a newer Debian suite.
need_cargo() {
  local folder=${XDG_CACHE_HOME:-$HOME/.cache}/git-lattice/rust
  # Rust links with the system's C compiler, which rustup does not install.
  command -v cc >/dev/null || need_packages gcc libc6-dev
  command -v cargo >/dev/null || PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
  rust_is_new_enough && return
  use_rust_of "$folder"
  rust_is_new_enough && return
  say "installing Rust into $folder"
  need_packages curl ca-certificates
  install_by_rustup "$folder" || "$root/scripts/install-rust" forky "$folder/debian" >&2
  use_rust_of "$folder"
  rust_is_new_enough || die "no Rust $(wanted_rust) or newer could be installed: install it yourself"
}

use_rust_of() {
  PATH=$1/bin:$1/debian/bin:$PATH
  hash -r
  # rustup's programs find their toolchains by this variable.
  [ ! -d "$1/rustup" ] || export RUSTUP_HOME=$1/rustup
}

wanted_rust() { sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$root/Cargo.toml"; }

rust_is_new_enough() {
  local program version
  for program in cargo rustc; do
    version=$("$program" --version 2>/dev/null | cut -d ' ' -f 2)
    [ -n "$version" ] && printf '%s\n' "$(wanted_rust)" "$version" | sort -CV || return
  done
}

# install_by_rustup FOLDER: installs a separate toolchain; the user's profile and other toolchains do not change.
install_by_rustup() (
  set -o pipefail
  export RUSTUP_HOME=$1/rustup CARGO_HOME=$1
  curl -sSf --connect-timeout 10 --proto =https https://sh.rustup.rs |
    sh -s -- -y -q --no-modify-path --profile minimal -c clippy -c rustfmt >&2
)

# One configuration for every Nix version, without daemon, build users or network.
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

# The tests start their own sshd. The policy keeps the package from starting a system-wide one; only its service would create /run/sshd.
need_sshd() {
  local policy=/usr/sbin/policy-rc.d
  if [ -x /usr/sbin/sshd ] || [ -e "$policy" ]; then
    need_packages openssh-server
  else
    # shellcheck disable=SC2064 # expanded now
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

# Debian's Nix and a modern one, passed to the tests by variables.
nix_for_tests() {
  local modern=${XDG_CACHE_HOME:-$HOME/.cache}/git-lattice/nix-modern
  # busybox is the shell of Nix's sandbox, ssh-keygen and gpg sign commits, kill(1) and script(1) act as a user at a terminal.
  need_packages nix-bin busybox-static git openssh-client gpg gpg-agent ca-certificates procps bsdutils
  need_sshd
  if ! "$modern/bin/nix" --version >/dev/null 2>&1; then
    say "installing a modern Nix into $modern"
    "$root/scripts/install-nix" forky "$modern" >&2
  fi
  export GIT_LATTICE_TEST_NIX=${GIT_LATTICE_TEST_NIX:-/usr/bin/nix}
  export GIT_LATTICE_TEST_NIX_MODERN=${GIT_LATTICE_TEST_NIX_MODERN:-$modern/bin/nix}
}

# strace makes single system calls fail. If the kernel forbids tracing, those tests are skipped with a message.
strace_for_tests() {
  need_packages strace
  if ! strace -qq -f -o /dev/null true 2>/dev/null; then
    say "NOT TESTED: faults at single system calls, because strace is not allowed to trace here (ptrace(2))"
    export GIT_LATTICE_TEST_WITHOUT_STRACE=1
  fi
}

# A git that runs hooks from its configuration, passed to the tests by a variable.
git_for_tests() {
  local modern=${XDG_CACHE_HOME:-$HOME/.cache}/git-lattice/git-modern
  if ! "$modern/bin/git" --version >/dev/null 2>&1; then
    say "installing a modern git into $modern"
    # The first suite that has 2.54 or later.
    "$root/scripts/install-git" sid "$modern" >&2
  fi
  export GIT_LATTICE_TEST_GIT_MODERN=${GIT_LATTICE_TEST_GIT_MODERN:-$modern/bin/git}
}

# The hook managers that our hooks must work with; the tests get the folder with their programs. They come from the
# registries of Python and Node; if those cannot be reached, their tests are skipped with a message.
managers_for_tests() {
  local folder=${XDG_CACHE_HOME:-$HOME/.cache}/git-lattice/managers
  if ! managers_are_there "$folder"; then
    say "installing pre-commit, prek, lefthook and husky into $folder"
    if ! (install_managers "$folder") || ! managers_are_there "$folder"; then
      say "NOT TESTED: hooks beside pre-commit, prek, lefthook and husky, which could not be installed"
      export GIT_LATTICE_TEST_WITHOUT_MANAGERS=1
      return
    fi
  fi
  export GIT_LATTICE_TEST_MANAGERS=${GIT_LATTICE_TEST_MANAGERS:-$folder/bin}
}

install_managers() {
  command -v node >/dev/null && command -v npm >/dev/null || need_packages nodejs npm || return
  python3 -c 'import ensurepip, venv' 2>/dev/null || need_packages python3 python3-venv || return
  rm -rf "$1"
  python3 -m venv "$1" >&2 &&
    "$1/bin/pip" -q --disable-pip-version-check install pre-commit==4.7.0 prek==0.5.11 lefthook==2.2.2 >&2 &&
    npm install --prefix "$1" --no-audit --no-fund --silent husky@9.1.7 >&2 &&
    ln -s ../node_modules/.bin/husky "$1/bin/husky"
}

managers_are_there() {
  local program
  command -v node >/dev/null || return
  for program in pre-commit prek lefthook; do
    "$1/bin/$program" --version >/dev/null 2>&1 || "$1/bin/$program" version >/dev/null 2>&1 || return
  done
  [ -e "$1/bin/husky" ]
}

# need_tcc: sets `tcc` to the folder with tcc's source and the seeds of its chain, which are downloaded once.
need_tcc() {
  tcc=${XDG_CACHE_HOME:-$HOME/.cache}/git-lattice/tcc
  [ ! -d "$tcc/seed-aarch64" ] || return 0
  say "downloading tcc's source and its seeds into $tcc"
  # What an older version left.
  rm -rf "$tcc"
  "$root/examples/tcc/make-seed" "$tcc" >&2
}

# The same, passed to the tests by a variable.
tcc_for_tests() {
  local tcc
  need_tcc
  export GIT_LATTICE_TEST_TCC=${GIT_LATTICE_TEST_TCC:-$tcc}
}

# Rust's source and the seed of its chain, downloaded once and passed to the test that builds Rust's build tool, which takes
# minutes.
rust_for_tests() {
  local rust=${XDG_CACHE_HOME:-$HOME/.cache}/git-lattice/rust-1.63
  if [ ! -d "$rust/seed" ]; then
    say "downloading Rust's source and the seed of its chain into $rust"
    "$root/examples/rust/make-seed" "$rust" >&2
  fi
  export GIT_LATTICE_TEST_RUST=${GIT_LATTICE_TEST_RUST:-$rust}
}

# The shells whose completions are tested, with the completion that comes with git, and a `man` that finds the man page.
shells_for_tests() {
  need_packages bash-completion fish zsh bsdutils man-db
}

# The mirror that this machine already uses; apt knows it only after an update.
debian_mirror() {
  local site
  site=$(known_mirror)
  [ -n "$site" ] || { apt update && site=$(known_mirror); }
  [ -n "$site" ] || die "apt has no Debian mirror"
  echo "$site"
}

known_mirror() {
  # shellcheck disable=SC2016 # apt's own placeholders
  apt-get indextargets --format '$(SITE) $(ORIGIN) $(RELEASE)' 'Created-By: Packages' |
    awk '$2 == "Debian" && $3 !~ /security|updates/ && !site { site = $1 } END { print site }'
}

# private_apt WORK SUITE [OPTION..]: sets `private_apt` to an apt-get that sees only that suite, with its sources, and an empty
# system. It keeps its files in WORK, and needs no root.
private_apt() {
  local work=$1 suite=$2 site signed='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
  mkdir -p "$work"/{lists/partial,cache/archives/partial}
  : >"$work/status"
  site=$(debian_mirror)
  printf '%s\n' "deb $signed $site $suite main" "deb-src $signed $site $suite main" >"$work/sources.list"
  private_apt=(
    apt-get -qq -oDir::Etc::sourcelist="$work/sources.list" -oDir::Etc::sourceparts=/dev/null
    -oDir::State::Lists="$work/lists" -oDir::State::status="$work/status" -oDir::Cache="$work/cache"
    -oAcquire::Languages=none -oAPT::Sandbox::User="$(id -un)"
    -oAcquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
    -oAcquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false
    "${@:3}"
  )
  "${private_apt[@]}" update
}

# download_closure KEEP DROP PACKAGE..: downloads packages and their dependencies into the current folder with `private_apt`,
# limited to names that match the pattern KEEP and not DROP.
download_closure() {
  local keep=$1 drop=$2 packages
  mapfile -t packages < <(
    "${private_apt[@]}" -y --no-install-recommends -s install "${@:3}" |
      awk '/^Inst/ { print $2 }' | grep -E "$keep" | grep -vE "$drop"
  )
  [ "${#packages[@]}" -gt 0 ] || die "the suite has no ${*:3}"
  "${private_apt[@]}" download "${packages[@]}"
}

# download_busybox FOLDER WORK: the program that unpacks the packages of a seed, with `private_apt`.
download_busybox() {
  mkdir -p "$2/busybox"
  (cd "$2/busybox" && "${private_apt[@]}" download busybox-static)
  dpkg-deb --fsys-tarfile "$2"/busybox/*.deb | tar -x -C "$1" --strip-components=2 ./bin/busybox
}

# unpack_from_suite SUITE PACKAGES ROOT WORK KEEP DROP: unpacks packages of another suite and their dependencies under ROOT,
# limited to names that match the pattern KEEP and not DROP.
unpack_from_suite() {
  local suite=$1 wanted=$2 into=$3 work=$4 keep=$5 drop=$6 deb
  read -ra wanted <<<"$wanted"
  private_apt "$work" "$suite" -oAcquire::IndexTargets::deb-src::Sources::DefaultEnabled=false
  mkdir -p "$work/debs"
  (cd "$work/debs" && download_closure "$keep" "$drop" "${wanted[@]}")
  rm -rf "$into"
  mkdir -p "$into"
  for deb in "$work"/debs/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$into" --exclude='./usr/share/'{doc,man,locale,lintian}'*'
  done
}

# patch_program FILE PREFIX BUILT-IN: makes the program use the loader and libraries that will be under PREFIX, and are in
# BUILT-IN now. DT_RPATH also applies to the libraries' own dependencies; DT_RUNPATH does not.
patch_program() {
  local program=$1 prefix=$2 built=$3 libc libraries
  libc=$(find "$built/root/usr/lib" -name libc.so.6 -print -quit)
  libraries=$(dirname "${libc:?no libc among the packages}")
  patchelf --set-interpreter "$prefix/root/usr$(patchelf --print-interpreter "$program")" \
    --force-rpath --set-rpath "${libraries/"$built"/"$prefix"}" "$program"
}

# no_foreign_libraries PROGRAM PREFIX
no_foreign_libraries() {
  if LD_TRACE_LOADED_OBJECTS=1 "$1" | grep -v -e "$2/" -e linux-vdso; then
    die "a library comes from outside $2"
  fi
}
