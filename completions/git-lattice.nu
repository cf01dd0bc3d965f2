# git-lattice @VERSION@: completions for nushell, made by `git lattice completions nushell`.
#
# Nushell has one completer for all programs. This one completes `git-lattice` and `git lattice`, and leaves other commands to the
# completer that was set before.

$env.config.completions.external.enable = true
$env.config.completions.external.completer = do {
    let before = $env.config.completions?.external?.completer?
    {|spans: list<string>|
        let words = if ($spans | first) == "git-lattice" {
            $spans | skip 1
        } else if ($spans | take 2) == ["git" "lattice"] {
            $spans | skip 2
        } else {
            null
        }
        if $words == null {
            if $before == null { null } else { do $before $spans }
        } else {
            let answer = (^git-lattice complete nushell -- ...$words | complete)
            # 1: the name of a file, which nushell completes when it gets nothing.
            if $answer.exit_code == 1 { null } else { $answer.stdout | from json }
        }
    }
}
