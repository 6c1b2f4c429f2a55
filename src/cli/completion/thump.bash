# bash completion for thump: asks `thump complete -- <words>` for candidates.
# Requires only bash 3.2, the version of macOS. That version has no compopt: it offers files if there is no candidate.
_thump() {
  local rest=${COMP_LINE:0:COMP_POINT} words=() i=0 word="" line="" cut="" kind=""
  # Bash splits words at "=" and ":". Join them again: a word starts after white space.
  for (( ; i <= COMP_CWORD; i++)); do
    line=${rest#"${rest%%[![:space:]]*}"}
    [[ $i == 0 || $line != "$rest" ]] && words+=("")
    word=${COMP_WORDS[i]}
    # Only up to the cursor. Text after it stays.
    ((i == COMP_CWORD)) && word=$line
    words[${#words[@]} - 1]+=$word
    rest=${line#"$word"}
  done
  # Bash replaces only its own last word, after the last "=".
  word=${words[${#words[@]} - 1]}
  [[ $word == *=* && $COMP_WORDBREAKS == *=* ]] && cut=${word%"${word##*=}"}
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :*) kind=$line ;;
      *) line=${line%%$'\t'*} && COMPREPLY+=("${line#"$cut"}") ;;
    esac
  done < <(thump complete -- "${words[@]:1}" 2>/dev/null)
  case $kind in
    :words) compopt +o default 2>/dev/null ;;
    :folders) compopt +o default -o dirnames 2>/dev/null ;;
  esac
}
complete -o default -F _thump thump
