import { parseArgs } from 'node:util'
import { ProxyError } from '../base/errors.js'
import { didYouMean } from '../base/nearest.js'
import { describe } from '../base/thrown.js'
import {
  COMMANDS,
  type CommandName,
  type CommandRow,
  GENERAL,
  OPTIONS,
  type OptionName,
} from './command-table.js'
import { synopsis } from './help.js'

/** The options that were given, by their names. */
export type OptionValues = {
  readonly [N in OptionName]?: (typeof OPTIONS)[N]['type'] extends 'string'
    ? string | undefined
    : boolean | undefined
}

export interface CommandCall {
  readonly name: CommandName
  readonly args: readonly string[]
  readonly values: OptionValues
}

const NAMES = Object.keys(COMMANDS) as CommandName[]

/**
 * Reads a command line. `--help` and `--version` are the commands of these names, whatever else is given.
 * @throws {ProxyError} PTC_USAGE
 */
export function readCommandLine(given: readonly string[]): CommandCall {
  const args = given.map(arg => (arg === '-v' ? '--version' : arg))
  checkOptions(args)
  const { values, positionals } = parse(args)
  if (values.version) return { name: 'version', args: [], values }
  if (values.help) return { name: 'help', args: helpedBy(positionals), values }
  const name = commandIn(positionals)
  if (name === undefined) throw unknownCommand(positionals)
  const call = { name, args: positionals.slice(name.split(' ').length), values }
  checkCall(call)
  return call
}

/** The command that begins these words. */
export function commandIn(words: readonly string[]): CommandName | undefined {
  return NAMES.find(name => name === words.slice(0, name.split(' ').length).join(' '))
}

/** `portcullis try --help x` explains `try`; without a command all are listed. */
function helpedBy(words: readonly string[]): readonly string[] {
  const name = commandIn(words)
  return name === undefined ? words : name.split(' ')
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS })
  } catch (cause) {
    throw usage(describe(cause), cause)
  }
}

/** Node's own message for an unknown option explains something else. */
function checkOptions(args: readonly string[]): void {
  const { tokens } = parseArgs({ args: [...args], options: OPTIONS, strict: false, tokens: true })
  for (const token of tokens) {
    if (token.kind !== 'option' || Object.hasOwn(OPTIONS, token.name)) continue
    const known = Object.keys(OPTIONS).map(name => `--${name}`)
    throw usage(`unknown option ${token.rawName}${didYouMean(token.rawName, known)}`)
  }
}

function checkCall({ name, args, values }: CommandCall): void {
  const { options, least, most = Number.POSITIVE_INFINITY }: CommandRow = COMMANDS[name]
  const foreign = (Object.keys(values) as OptionName[]).find(
    option => !options.includes(option) && !GENERAL.includes(option),
  )
  if (foreign !== undefined) {
    const owners = NAMES.filter(other => (COMMANDS[other] as CommandRow).options.includes(foreign))
    throw usage(`--${foreign} belongs to ${owners.map(owner => `\`portcullis ${owner}\``).join(', ')}`)
  }
  if (args.length >= least && args.length <= most) return
  const problem =
    most === 0
      ? `${name} takes no arguments`
      : args.length < least
        ? `${name} lacks an argument`
        : `${name} has too many arguments`
  throw usage(`${problem}: ${synopsis(name)}`)
}

export function unknownCommand(words: readonly string[]): ProxyError {
  const list = NAMES.join(', ')
  const text = words.join(' ')
  if (text === '') return usage(`give a command: ${list}`)
  const near = [text, words.slice(0, 2).join(' '), words[0] ?? '']
    .map(word => didYouMean(word, NAMES))
    .find(help => help !== '')
  const begun = NAMES.filter(name => name.startsWith(`${words[0]} `))
  const help = near ?? (begun.length > 0 ? `; known: ${begun.join(', ')}` : `; known: ${list}`)
  return usage(`unknown command "${text}"${help}`)
}

const usage = (message: string, cause?: unknown): ProxyError =>
  new ProxyError('PTC_USAGE', message, cause === undefined ? {} : { cause })
