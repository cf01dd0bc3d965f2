# git-lattice @VERSION@: completions for elvish, made by `git lattice completions elvish`.

use str

fn complete {|words|
    try {
        git-lattice complete elvish -- $@words 2>/dev/null | from-lines | each {|line|
            var value @help = (str:split "\t" $line)
            if (or (str:has-suffix $value /) (str:has-suffix $value =)) {
                edit:complex-candidate $value
            } elif (eq $help []) {
                edit:complex-candidate $value &code-suffix=' '
            } else {
                edit:complex-candidate $value &code-suffix=' ' &display=$value' ('$help[0]')'
            }
        }
    } catch {
        # The name of a file.
        edit:complete-filename $@words
    }
}

set edit:completion:arg-completer[git-lattice] = {|@words| complete $words[1..] }

# `git lattice`; other commands are left to the completer that was set before.
var before = $edit:complete-filename~
if (has-key $edit:completion:arg-completer git) {
    set before = $edit:completion:arg-completer[git]
}
set edit:completion:arg-completer[git] = {|@words|
    if (and (> (count $words) 2) (eq $words[1] lattice)) {
        complete $words[2..]
    } else {
        $before $@words
    }
}
