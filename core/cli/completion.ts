/** Scripts with which a shell completes command lines, made from the table of commands. */
import { ProxyError } from '../base/errors.js'
import { COMMANDS, type CommandName, type CommandRow, GENERAL } from './command-table.js'
import { fishCompletion } from './fish-completion.js'
import { ALL_WITH_VALUE, valued, wordsOf } from './option-words.js'

export const SHELLS = ['bash', 'fish', 'zsh'] as const
export type Shell = (typeof SHELLS)[number]

/** The script for a shell that a person names. @throws {ProxyError} PTC_USAGE */
export function completionFor(shell: string | undefined): string {
  const found = SHELLS.find(name => name === shell)
  if (found !== undefined) return completionScript(found)
  throw new ProxyError('PTC_USAGE', `completion is for bash, fish or zsh, not ${JSON.stringify(shell)}`)
}

/** A script that completes commands, their words, options, files and folders. */
export const completionScript = (shell: Shell): string => SCRIPTS[shell]()

const NAMES = Object.keys(COMMANDS) as CommandName[]
const rowOf = (name: CommandName): CommandRow => COMMANDS[name]

/** The words that may follow others, by these others; `''` is the beginning of the line. */
function followers(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  const add = (before: string, words: readonly string[]): void => {
    found.set(before, [...new Set([...(found.get(before) ?? []), ...words])])
  }
  for (const name of NAMES) {
    const [first = '', second] = name.split(' ')
    const { words = [], nextWords = {} } = rowOf(name)
    add('', [first])
    if (second !== undefined) add(first, [second])
    if (words.length > 0) add(name, words)
    for (const [word, next] of Object.entries(nextWords)) add(`${name} ${word}`, next)
  }
  return found
}

const ALL_VALUED = ALL_WITH_VALUE.join('|')
const GENERAL_WORDS = wordsOf(GENERAL).join(' ')

/** What a shell looks up: one line for each, by the words before the cursor, each with a blank behind it. */
const offerCases = (line: (words: string) => string): string =>
  [...followers()]
    .map(([before, words]) => `    '${before === '' ? '' : `${before} `}') ${line(words.join(' '))} ;;\n`)
    .join('')
const optionCases = (line: (words: string) => string): string =>
  NAMES.map(name => {
    const { options, completes = '' } = rowOf(name)
    return `    '${name} '*) ${line(wordsOf([...options, ...GENERAL]).join(' '))}; files='${completes}' ;;\n`
  }).join('')

const bash = (): string => `_portcullis() {
  local word=\${COMP_WORDS[COMP_CWORD]} plain='' i offers='' options='${GENERAL_WORDS}' files='' IFS=$' \\t\\n'
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${ALL_VALUED}) i=$((i + 1)) ;;
      -*) ;;
      *) plain="$plain\${COMP_WORDS[i]} " ;;
    esac
  done
  case $plain in
${optionCases(words => `options='${words}'`)}  esac
  case \${COMP_WORDS[COMP_CWORD-1]} in
    ${valued('file').join('|')}) files=file options='' ;;
    ${valued('folder').join('|')}) files=folder options='' ;;
    ${valued(undefined).join('|')}) return 0 ;;
    *)
      case $word in -*) COMPREPLY=($(compgen -W "$options" -- "$word")); return 0 ;; esac
      case $plain in
${offerCases(words => `offers='${words}'`)}      esac ;;
  esac
  COMPREPLY=($(compgen -W "$offers" -- "$word"))
  [ "$files" = '' ] && return 0
  compopt -o filenames 2>/dev/null
  IFS=$'\\n'
  case $files in
    file) COMPREPLY+=($(compgen -f -- "$word")) ;;
    folder) COMPREPLY+=($(compgen -d -- "$word")) ;;
  esac
  return 0
}
complete -F _portcullis portcullis
`

const zsh = (): string => `#compdef portcullis
_portcullis() {
  local plain='' files='' i
  local -a offers options
  options=(${GENERAL_WORDS})
  for ((i = 2; i < CURRENT; i++)); do
    case $words[i] in
      (${ALL_VALUED}) ((i++)) ;;
      (-*) ;;
      (*) plain="$plain$words[i] " ;;
    esac
  done
  case $words[CURRENT-1] in
    (${valued('file').join('|')}) _files; return ;;
    (${valued('folder').join('|')}) _files -/; return ;;
    (${valued(undefined).join('|')}) return 1 ;;
  esac
  case $plain in
${optionCases(words => `options=(${words})`)}  esac
  if [[ $words[CURRENT] == -* ]]; then
    compadd -- $options
    return
  fi
  case $plain in
${offerCases(words => `offers=(${words})`)}  esac
  (( $#offers )) && compadd -- $offers
  case $files in
    (file) _files ;;
    (folder) _files -/ ;;
  esac
}
if [[ $funcstack[1] == _portcullis ]]; then
  _portcullis "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
  compdef _portcullis portcullis
fi
`

const SCRIPTS: Readonly<Record<Shell, () => string>> = { bash, fish: fishCompletion, zsh }
