import {
  COMMANDS,
  type CommandName,
  type CommandRow,
  GENERAL,
  OPTIONS,
  type OptionName,
} from './command-table.js'

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
