# fish completion for thump: asks `thump complete -- <words>` for candidates.
function __thump_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l answer (thump complete -- $words[2..-1] "$current" 2>/dev/null)
    # In --flag=path, complete the path.
    set -l flag (string match -r -- '^--[^=]*=' "$current")
    set -l path (string replace -r -- '^--[^=]*=' '' "$current")
    switch "$answer[-1]"
        case :files
            printf "$flag%s\n" (__fish_complete_path "$path")
        case :folders
            printf "$flag%s\n" (__fish_complete_directories "$path")
        case :words
            test (count $answer) -gt 1; and printf '%s\n' $answer[1..-2]
    end
end
complete -c thump -e
complete -c thump -f -k -a '(__thump_complete)'
