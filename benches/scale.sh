# shellcheck shell=bash
# Sourced by compare: the section `scale`.
# shellcheck disable=SC2154 # variables and functions of compare and lib.sh

# Large lattices with ten records of each point by three writers, without builds: the cost of commands that read all points, and of those
# that read one.
bench_scale() {
  local count
  for count in "${scale[@]}"; do
    say "making $count points"
    repository "$scratch/scale-$count" 100 --component "$(seq -s, -f 'tool-%g' $((count / 200)))" --arch aarch64,x86_64 \
      --phase phase0,phase1,phase2,phase3,phase4
    cd "$scratch/scale-$count" || exit
    lattice_of $((count / 200)) | git fast-import --quiet
    records_of | git fast-import --quiet
    # 100,000 loose refs take 400 MB of disk.
    [ "$count" -gt 10000 ] || { loose && bench_all loose; }
    git pack-refs --all
    bench_all packed
    bench_one
    bench_pictures
  done
}

# loose: makes all branches loose refs.
loose() {
  git for-each-ref --format='%(objectname) %(refname)' refs/heads/ >refs
  rm -f .git/packed-refs
  while read -r id name; do
    mkdir -p ".git/${name%/*}"
    echo "$id" >".git/$name"
  done <refs
  rm refs
}

# bench_all KIND: commands that read all points, with loose or packed refs.
bench_all() {
  local name=$1-$count refs forget
  refs=$(peak "refs-$name" git for-each-ref --format='%(refname) %(tree)' refs/heads/feature/)
  forget=$(script "scale-forget-$name" <<<"rm -rf .git/lattice")
  measure "scale-first-$name" --runs 3 --prepare "$forget" \
    -n "git for-each-ref over $count $1 refs" "$refs" -n "git lattice status, first run" "$(peak "first-$name" git-lattice status)"
  measure "scale-all-$name" --warmup 1 --runs 5 \
    -n "git for-each-ref over $count $1 refs" "$refs" \
    -n "git lattice status" "$(peak "status-$name" git-lattice status)" \
    -n "git lattice status --all" "$(peak "table-$name" git-lattice status --all)" \
    -n "git lattice status --json" "$(peak "json-$name" git-lattice status --json)" \
    -n "git lattice check" "$(peak "check-$name" git-lattice check)"
  measure "scale-list-$name" --warmup 1 --runs 5 \
    -n "git for-each-ref, the names of $count $1 refs" "$(peak "names-$name" git for-each-ref --format='%(refname)' refs/heads/feature/)" \
    -n "git lattice list" "$(peak "list-$name" git-lattice list)" \
    -n "git lattice list, point and state" "$(peak "list-state-$name" git-lattice list --format='%(point) %(state)')"
}

# Commands that read one point.
bench_one() {
  local one=tool-1/x86_64/phase4/step20
  measure "scale-one-$count" --warmup 1 --runs 10 \
    --prepare "git update-ref -d refs/heads/feature/tool-1/x86_64/phase4/step21" \
    -n "git lattice new --dry-run, $count points" "$(peak "new-$count" git-lattice new --dry-run tool-1/x86_64/phase4/step21)" \
    -n "git lattice next-step $one" "$(peak "next-$count" git-lattice next-step "$one" --no-push --no-switch)" \
    -n "git lattice show $one" "$(peak "show-$count" git-lattice show "$one")" \
    -n "git lattice prompt" "$(peak "prompt-$count" git-lattice prompt)" \
    -n "completion of a point" "$(peak "complete-$count" git-lattice complete bash -- show '')" \
    -n "completion of a step" "$(peak "complete-step-$count" git-lattice complete bash -- show tool-1/x86_64/phase0/)" \
    -n "completion of a value" "$(peak "value-$count" git-lattice complete bash -- new --arch '')"
  local there="git checkout -q feature/tool-1/x86_64/phase4/step19"
  measure "scale-switch-$count" --warmup 1 --runs 10 --prepare "$there" \
    -n "git switch, $count points" "git switch -q feature/$one" -n "git lattice switch" "git-lattice switch $one"
  git checkout -q main
}

# Pictures of all points, beside those of other tools where they are installed.
bench_pictures() {
  local others=()
  # 10,000 branches take a minute.
  if command -v git-branchless >/dev/null && [ "$count" -le 1000 ]; then
    git branchless init >&2
    others+=(-n 'git branchless smartlog' "$(peak "smartlog-$count" git-branchless smartlog 'branches()')")
  fi
  if command -v jj >/dev/null; then
    jj git init --colocate >&2
    others+=(-n 'jj log of all bookmarks' "$(peak "jj-$count" jj --ignore-working-copy log -r 'bookmarks()')")
  fi
  # 2,000 branches take half a minute.
  if command -v git-machete >/dev/null && [ "$count" -le 1000 ]; then
    machete_of >.git/machete
    others+=(-n 'git machete status' "$(peak "machete-$count" git-machete status)")
  fi
  measure "scale-graph-$count" --warmup 1 --runs 3 \
    -n "git log --graph --simplify-by-decoration, $count points" "$(peak "log-$count" git log --graph --oneline --simplify-by-decoration --branches=feature)" \
    -n "git lattice graph" "$(peak "graph-$count" git-lattice graph)" \
    -n "git lattice graph --all" "$(peak "graph-all-$count" git-lattice graph --all)" \
    -n "git lattice graph --format dot" "$(peak "dot-$count" git-lattice graph --format dot)" \
    -n "git lattice graph --format svg" "$(peak "svg-$count" git-lattice graph --format svg)" \
    -n "git lattice graph --json" "$(peak "graph-json-$count" git-lattice graph --json)" \
    -n "git lattice page" "$(peak "page-$count" git-lattice page)" "${others[@]}"
}

# machete_of: the branches as git machete wants them: each is one column right of the one that it is built on.
machete_of() {
  git lattice list --format='%(branch)' | awk -F/ '
    { chain = $2 "/" $3 }
    chain != last { depth = 0; last = chain }
    { printf "%*s%s\n", depth++, "", $0 }'
}
