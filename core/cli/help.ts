import {
  COMMANDS,
  type CommandName,
  type CommandRow,
  GENERAL,
  OPTIONS,
  type OptionName,
} from './command-table.js'
import { fishCompletion } from './fish-completion.js'

const WIDTH = 110
const INDENT = 28

/** The whole help. */
export function helpText(): string {
  const commands = (Object.keys(COMMANDS) as CommandName[]).map(commandText)
  return `portcullis: a forward HTTPS proxy whose plugins hold the TLS handshake

${commands.join('')}
${GENERAL.map(optionText).join('')}
Exit status: 0 in order, 1 an error that is named, 64 a mistake on the command line.
`
}

/** The help of one command, with its own options and those of all. */
export function commandHelp(name: CommandName): string {
  const { options }: CommandRow = COMMANDS[name]
  return `${commandText(name)}\n${[...options, ...GENERAL].map(optionText).join('')}`
}

/** A command with its options and arguments, as one writes it. */
export function synopsis(name: CommandName): string {
  const { args, options }: CommandRow = COMMANDS[name]
  // Many options would hide the arguments; the help of the command explains them.
  const written = options.length > 3 ? ['[OPTION...]'] : options.map(option => `[${optionWord(option)}]`)
  return ['portcullis', name, ...written, args].filter(word => word !== '').join(' ')
}

function commandText(name: CommandName): string {
  return entry(synopsis(name), COMMANDS[name].help)
}

function optionText(name: OptionName): string {
  const { short } = OPTIONS[name] as { readonly short?: string }
  return entry(`${short === undefined ? '    ' : `-${short}, `}${optionWord(name)}`, OPTIONS[name].help)
}

function optionWord(name: OptionName): string {
  const { value } = OPTIONS[name] as { readonly value?: string }
  return value === undefined ? `--${name}` : `--${name} ${value}`
}

/** The term, and its explanation in lines of their own width beside or below it. */
function entry(term: string, text: string): string {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line !== '' && INDENT + line.length + word.length >= WIDTH) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  const margin = ' '.repeat(INDENT)
  const [first = '', ...more] = lines
  const head = `  ${term}`
  const begin = head.length < INDENT - 1 ? `${head.padEnd(INDENT)}${first}` : `${head}\n${margin}${first}`
  return [begin, ...more.map(line => margin + line), ''].join('\n')
}

/** A script that completes commands, options, files and folders; zsh runs bash's. */
export function completionScript(shell: 'bash' | 'fish' | 'zsh'): string {
  if (shell === 'fish') return fishCompletion()
  const names = Object.keys(COMMANDS) as CommandName[]
  const cases = names.map(name => {
    const { options, words = [], nextWords = {}, completes }: CommandRow = COMMANDS[name]
    const all = [...words.map(firstWord), ...[...options, ...GENERAL].map(option => `--${option}`)]
    const next = Object.entries(nextWords).map(([word, more]) => `'${word}') words='${more.join(' ')}' ;; `)
    const place = name.split(' ').length + 1
    const second =
      next.length === 0
        ? ''
        : `; [ "$COMP_CWORD" = ${place + 1} ] && case \${COMP_WORDS[${place}]} in ${next.join('')}esac`
    return `    '${name}') words='${all.join(' ')}'; files='${completes ?? ''}'${second} ;;\n`
  })
  const valued = (kind: string | undefined): string =>
    Object.entries(OPTIONS)
      .filter(([, row]) => row.type === 'string' && (row as { completes?: string }).completes === kind)
      .flatMap(([name, row]) => [`--${name}`, ...('short' in row ? [`-${row.short}`] : [])])
      .join('|')
  const two = names.filter(name => name.includes(' '))
  return `${shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : ''}_portcullis() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} name=\${COMP_WORDS[1]} words files
  case $before in
    ${valued('file')}) COMPREPLY=($(compgen -f -- "$word")); return ;;
    ${valued('folder')}) COMPREPLY=($(compgen -d -- "$word")); return ;;
    ${valued(undefined)}) COMPREPLY=(); return ;;
  esac
  if [ "$COMP_CWORD" = 1 ]; then
    COMPREPLY=($(compgen -W '${[...new Set(names.map(firstWord))].join(' ')}' -- "$word")); return
  fi
  case $name in
${[...new Set(two.map(firstWord))]
  .map(first => {
    const seconds = two.filter(name => firstWord(name) === first).map(name => name.slice(first.length + 1))
    return `    '${first}') if [ "$COMP_CWORD" = 2 ]; then COMPREPLY=($(compgen -W '${seconds.join(' ')}' -- "$word")); return; fi
      name="$name \${COMP_WORDS[2]}" ;;\n`
  })
  .join('')}  esac
  case $name in
${cases.join('')}  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  [ "$files" = file ] && COMPREPLY+=($(compgen -f -- "$word"))
  [ "$files" = folder ] && COMPREPLY+=($(compgen -d -- "$word"))
  return 0
}
complete -F _portcullis portcullis
`
}

const firstWord = (words: string): string => words.split(' ', 1)[0] ?? ''
