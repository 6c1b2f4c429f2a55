#compdef thump
# zsh completion for thump: asks `thump complete -- <words>` for candidates.
# Put this file into fpath, or source it after compinit.
_thump() {
  local -a answer candidates
  # Use only the text up to the cursor. The text after it stays.
  answer=("${(@f)$(thump complete -- "${(@Q)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
  case $answer[-1] in
    :files | :folders)
      # In --flag=path, complete the path.
      [[ $PREFIX == --*=* ]] && compset -P '*='
      if [[ $answer[-1] == :files ]]; then _files; else _files -/; fi
      ;;
    :words)
      # The format of _describe: word:description.
      candidates=("${(@)${(@)answer[1,-2]//:/\\:}/$'\t'/:}")
      ((${#answer} > 1)) && _describe -V thump candidates
      ;;
  esac
}
if [[ $funcstack[1] == _thump ]]; then
  _thump "$@"
else
  compdef _thump thump
fi
