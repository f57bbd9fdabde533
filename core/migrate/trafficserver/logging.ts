/** logging.yaml since 8, logging.config (Lua) in 7 and 8. Portcullis writes one access log. */
import { LOG_SYMBOLS, NAMED_FORMATS, readLogFormat } from '../../config/log-format.js'
import { changeLogFormat, keepLogFormat, type Source, textOf } from '../source.js'
import { luaStatements } from './lua-table.js'
import { asTexts, type YamlMap, yamlItems } from './yaml-items.js'

interface Logging {
  readonly formats: ReadonlyMap<string, string>
  readonly logs: readonly { readonly value: YamlMap; readonly where: string; readonly mode: string }[]
  readonly filters: number
}

const MODES = ['ascii', 'binary', 'ascii_pipe']

export function migrateLogging(source: Source): void {
  const { facts, findings } = source
  const [yaml, lua] = [textOf(source, 'logging.yaml'), textOf(source, 'logging.config')]
  const logging =
    yaml !== undefined
      ? fromYaml(source, yaml)
      : lua !== undefined && /=\s*format\s*\{|log\.\w+\s*\{/.test(lua)
        ? fromLua(source, lua)
        : undefined
  if (logging === undefined) return
  const [log, ...others] = logging.logs.filter(({ mode, where }) => {
    if (!MODES.includes(mode)) findings.add('wrong', where, `mode ${mode} is none of ${MODES.join(', ')}`)
    return MODES.includes(mode)
  })
  if (logging.filters > 0)
    findings.add('lost', 'logging.yaml', `${logging.filters} filters: the access log has all requests`)
  for (const { where, value } of others)
    findings.add('lost', where, `the log ${String(value['filename'])}: there is one access log`)
  if (log === undefined) return
  migrateLog(source, logging, log)
  if (!facts.records.has('proxy.config.log.logging_enabled')) facts.set('proxy.config.log.logging_enabled', 3)
}

function migrateLog(source: Source, { formats }: Logging, log: Logging['logs'][number]): void {
  const { facts, findings } = source
  const { value, where, mode } = log
  if (mode !== 'ascii') findings.add('lost', where, `mode ${mode}: the access log is text in a file`)
  for (const key of ['interval', 'filters', 'collation_hosts', 'rolling_allow_empty'])
    if (value[key] !== undefined) findings.add('lost', where, `${key} of the log has no counterpart`)
  const name = String(value['filename'] ?? 'access')
  const file = /\.\w+$/.test(name) ? name : `${name}.log`
  const isSet = mode === 'ascii_pipe' || facts.set('proxy.config.log.filename', file).length === 0
  if (isSet && mode !== 'ascii_pipe')
    findings.add('changed', where, `the log ${name} is proxy.config.log.filename ${file}`)
  const wanted = String(value['format'] ?? 'squid')
  const text = formats.get(wanted)
  if (text !== undefined) changeLogFormat(source, where, wanted, 'fields', translate(text))
  else if (Object.hasOwn(NAMED_FORMATS, wanted)) keepLogFormat(source, where, wanted, wanted)
  else findings.add('wrong', where, `there is no format ${wanted}`)
}

/** Fields of the request that leaves, where only those of the client's request are logged, and older names. */
const RENAMED: Readonly<Record<string, string>> = {
  cqpv: 'cqhv',
  cqu: 'cquc',
  cquuc: 'cquc',
  pqhm: 'cqhm',
  pqsn: 'shn',
  pqu: 'cquc',
  pquc: 'cquc',
}

/** A format with the fields that exist here. */
export function translate(text: string): { readonly format: string; readonly missing: readonly string[] } {
  const missing: string[] = []
  const format = text
    .replaceAll(/[\r\n]+/g, ' ')
    .trim()
    .replaceAll(/%<([^>]*)>/g, (whole, inside: string) => {
      const header = /^\{([^}]+)\}(?:e?)(cqh|ssh)$/.exec(inside)
      const field = header === null ? (RENAMED[inside] ?? inside) : `{${header[1]}}${header[2]}`
      const isKnown = header !== null ? readLogFormat(`%<${field}>`).wrong.length === 0 : isSymbol(field)
      if (isKnown) return `%<${field}>`
      missing.push(whole)
      return '-'
    })
  return { format, missing: [...new Set(missing)] }
}

const isSymbol = (field: string): boolean => LOG_SYMBOLS.some(symbol => symbol === field)

function fromYaml(source: Source, text: string): Logging {
  const items = (key: string) => yamlItems(source, text, 'logging.yaml', 'logging', key)
  return {
    formats: new Map(items('formats').map(({ value }) => [String(value['name']), String(value['format'])])),
    logs: items('logs').map(({ value, where }) => ({ value, where, mode: String(value['mode'] ?? 'ascii') })),
    filters: items('filters').length,
  }
}

function fromLua(source: Source, text: string): Logging {
  const formats = new Map<string, string>()
  const logs: { value: YamlMap; where: string; mode: string }[] = []
  let filters = 0
  for (const { name, word, table } of luaStatements(source, text, 'logging.config')) {
    const fields: Record<string, unknown> = Object.fromEntries(
      Object.entries(table.fields).map(([key, value]) => [snake(key), value]),
    )
    if (word === 'format') formats.set(name, asTexts(fields['format']).join())
    else if (word.startsWith('filter')) filters += 1
    else if (word.startsWith('log.'))
      logs.push({
        value: fields,
        where: `logging.config:${table.line}`,
        mode: word === 'log.pipe' ? 'ascii_pipe' : word.slice('log.'.length),
      })
  }
  return { formats, logs, filters }
}

/** `RollingIntervalSec` is `rolling_interval_sec` in YAML. */
const snake = (key: string): string => key.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase()
