# shellcheck shell=bash
# git-lattice @VERSION@: completions for bash, made by `git lattice completions bash`.
#
# bash-completion loads this file by its name, git-lattice, for `git-lattice` and for git's own completion, which calls
# _git_lattice for `git lattice`. Bash 3.2 runs it too.

# Sets `words` to those up to the cursor, which bash also breaks at `=`, `:` and `@`, and `typed` to the part of the last one that
# readline leaves alone.
_git_lattice_words() {
  local line=${COMP_LINE:0:COMP_POINT} word i last=-1
  words=() typed=
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if ((last < 0)) || [[ $line == [[:space:]]* ]]; then
      line=${line#"${line%%[![:space:]]*}"}
      words[++last]=
    fi
    if ((i == COMP_CWORD)); then
      # Up to the cursor.
      word=$line
      typed=${words[last]}
      [[ -z $word || $word == *[!=:@]* ]] || typed+=$word
    fi
    words[last]+=$word
    line=${line#"$word"}
  done
}

# _git_lattice_reply COMMAND.. -- WORD..: completes the last word by what the command prints.
_git_lattice_reply() {
  local output status line
  # Git's completion offers files where there are no candidates.
  compopt +o default +o bashdefault -o nospace -o nosort 2>/dev/null
  COMPREPLY=()
  output=$("$@" 2>/dev/null)
  status=$?
  if ((status == 1)); then
    # The name of a file.
    compopt -o default -o bashdefault +o nospace 2>/dev/null
  elif [[ -n $output ]]; then
    while IFS= read -r line; do
      COMPREPLY+=("${line#"$typed"}")
    done <<<"$output"
  fi
}

# git-lattice
_git_lattice_command() {
  local words typed
  _git_lattice_words
  _git_lattice_reply git-lattice complete bash -- "${words[@]:1}"
}

# git lattice
_git_lattice() {
  local words typed at=${__git_cmd_idx-} program=(git-lattice)
  _git_lattice_words
  if [[ -z $at ]]; then
    for ((at = 1; at < ${#words[@]} - 1; at++)); do
      [[ ${words[at]} != lattice ]] || break
    done
  fi
  # `git -C FOLDER lattice`
  # shellcheck disable=SC2154 # set by git's completion
  [[ -z ${__git_C_args-} ]] || program=(git "${__git_C_args[@]}" lattice)
  _git_lattice_reply "${program[@]}" complete bash -- "${words[@]:at+1}"
}

complete -o nospace -F _git_lattice_command git-lattice
