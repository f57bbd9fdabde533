import {
  COMMANDS,
  type CommandName,
  type CommandRow,
  GENERAL,
  OPTIONS,
  type OptionRow,
} from './command-table.js'
import { ALL_WITH_VALUE } from './option-words.js'

/** Conditions of fish. The words before the cursor are compared with those of a command. */
const HEAD = `# The words before the one that is completed, without options and their values.
function __portcullis_words
    set -l words (commandline -opc)
    set -l is_value 0
    for word in $words[2..-1]
        if test $is_value = 1
            set is_value 0
            continue
        end
        switch $word
            case ${ALL_WITH_VALUE.join(' ')}
                set is_value 1
            case '-*'
            case '*'
                echo $word
        end
    end
end
function __portcullis_begins
    set -l words (__portcullis_words)
    set -l n (count $argv)
    test (count $words) -ge $n; and test "$words[1..$n]" = "$argv"
end
function __portcullis_is
    set -l words (__portcullis_words)
    test "$words" = "$argv"
end
complete -c portcullis -f
`

/** A script for fish: commands, their words, options, files and folders. */
export function fishCompletion(): string {
  const names = Object.keys(COMMANDS) as CommandName[]
  const lines = names.flatMap(name => {
    const row: CommandRow = COMMANDS[name]
    const { words = [], nextWords = {}, options, completes, help } = row
    const [first = '', second] = name.split(' ')
    const isHere = `-n ${quoted(`__portcullis_begins ${name}`)}`
    return [
      second === undefined
        ? offer('__portcullis_is', first, sentence(help))
        : offer(`__portcullis_is ${first}`, second, sentence(help)),
      ...(second === undefined ? [] : [offer('__portcullis_is', first)]),
      ...words.map(word => offer(`__portcullis_is ${name}`, word)),
      ...Object.entries(nextWords).flatMap(([word, next]) =>
        next.map(one => offer(`__portcullis_is ${name} ${word}`, one)),
      ),
      ...(completes === undefined ? [] : [`complete -c portcullis ${isHere} ${FILES[completes]}`]),
      ...[...options, ...GENERAL].map(option => `complete -c portcullis ${isHere} ${optionText(option)}`),
    ]
  })
  return `${HEAD}${[...new Set(lines)].join('\n')}\n`
}

const FILES = { file: '-F', folder: '-a "(__fish_complete_directories)"' } as const

const offer = (condition: string, word: string, about?: string): string =>
  `complete -c portcullis -n ${quoted(condition)} -a ${quoted(word)}${about === undefined ? '' : ` -d ${quoted(about)}`}`

function optionText(name: keyof typeof OPTIONS): string {
  const { short, type, completes, help }: OptionRow = OPTIONS[name]
  const value = type === 'boolean' ? '' : ` -r${completes === undefined ? ' -f' : ` ${FILES[completes]}`}`
  return `-l ${name}${short === undefined ? '' : ` -s ${short}`}${value} -d ${quoted(help)}`
}

/** The first one. */
const sentence = (text: string): string => /^.*?[.:;](?= |$)/.exec(text)?.[0].replace(/[.:;]$/, '') ?? text

const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`
