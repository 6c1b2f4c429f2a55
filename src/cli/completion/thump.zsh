#compdef thump
# zsh completion for thump: asks `thump complete -- <words>` and passes the answer on.
# For a file in fpath, or to be sourced after compinit.
_thump() {
  local -a answer candidates
  # Up to the cursor: what is behind it stays.
  answer=("${(@f)$(thump complete -- "${(@Q)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
  case $answer[-1] in
    :files | :folders)
      # Of --flag=path, the path.
      [[ $PREFIX == --*=* ]] && compset -P '*='
      if [[ $answer[-1] == :files ]]; then _files; else _files -/; fi
      ;;
    :words)
      # As _describe wants them: word:description.
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
