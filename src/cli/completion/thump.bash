# bash completion for thump: asks `thump complete -- <words>` and passes the answer on.
# It needs nothing beside bash, back to the 3.2 of macOS (which has no compopt: there, files are offered where nothing is).
_thump() {
  local rest=${COMP_LINE:0:COMP_POINT} words=() i=0 word="" line="" cut="" kind=""
  # Bash cuts words at "=" and ":". They are put together again: a word begins where there is space before it.
  for (( ; i <= COMP_CWORD; i++)); do
    line=${rest#"${rest%%[![:space:]]*}"}
    [[ $i == 0 || $line != "$rest" ]] && words+=("")
    word=${COMP_WORDS[i]}
    # Up to the cursor: what is behind it stays.
    ((i == COMP_CWORD)) && word=$line
    words[${#words[@]} - 1]+=$word
    rest=${line#"$word"}
  done
  # What is inserted replaces what bash takes for the word.
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
