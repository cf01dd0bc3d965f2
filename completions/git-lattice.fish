# git-lattice @VERSION@: completions for fish, made by `git lattice completions fish`.
#
# In a folder `conf.d` it also completes `git lattice`: fish loads that of `completions` only for the command `git-lattice`.

function __git_lattice_complete
    set -l program git-lattice
    set -l words (commandline -opc)
    if test (string replace -r '.*/' '' -- $words[1]) = git
        set -e words[1]
        # Options of git before `lattice`.
        argparse -s (__fish_git_global_optspecs) -- $words 2>/dev/null
        and set words $argv
        if set -q _flag_C
            set program git -C $_flag_C lattice
        end
    end
    set -l word (commandline -ct)
    set -l lines ($program complete fish -- $words[2..-1] "$word" 2>/dev/null)
    if test $status -eq 1
        # The name of a file.
        set -l flag (string match -r '^--[^=]*=' -- $word)
        string replace -r -- '^' "$flag" (__fish_complete_path (string replace -- "$flag" '' $word))
    else
        string join \n -- $lines
    end
end

complete -c git-lattice -f -k -a '(__git_lattice_complete)'
complete -c git -n '__fish_git_using_command lattice' -f -k -a '(__git_lattice_complete)'
