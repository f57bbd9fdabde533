import { type Problem, quote } from './config-file.js'
import {
  type GivenRecord,
  keepReading,
  type RecordLines,
  type RecordsDraft,
  readSetting,
} from './record-lines.js'
import { isRecordName, RECORD_NAMES } from './records-table.js'
import { TRAFFIC_SERVER_NAMES } from './traffic-server/names.js'
import { parseYaml, type YamlTree, yaml } from './yaml-file.js'

/** Traffic Server 10.1 has `records`, 10.0 had `ts`. */
const ROOTS = ['records', 'ts']

/** A record of a YAML text, and where its key stands. */
export interface YamlRecord extends GivenRecord {
  readonly where: string
}

/**
 * Reads records in the syntax of Traffic Server 10: nested keys in place of a name with dots, `null` in place of `NULL`.
 * @param file what errors call the text
 * @throws {ProxyError} PTC_RECORDS_INVALID for a text that is not YAML
 */
export function parseRecordsYaml(text: string, file: string): RecordLines {
  const { records, problems } = yamlRecords(text, file)
  const draft: RecordsDraft = { settings: new Map(), ignored: [], problems: [...problems] }
  for (const record of records) keepReading(readSetting(record, draft.settings), record.where, draft)
  return draft
}

/** @throws {ProxyError} PTC_RECORDS_INVALID for a text that is not YAML */
export function yamlRecords(
  text: string,
  file: string,
): { readonly records: readonly YamlRecord[]; readonly problems: readonly Problem[] } {
  const { document, at } = parseYaml(text, file, 'PTC_RECORDS_INVALID')
  const draft: Draft = { records: [], problems: [] }
  const { contents } = document
  const { isMap, isScalar } = yaml()
  if (contents === null || (isScalar(contents) && contents.value === null)) return draft
  const roots = isMap(contents) ? contents.items : []
  if (!isMap(contents)) draft.problems.push({ where: at(0), what: `the file must be a map; ${ROOT}` })
  for (const { key, value } of roots) {
    const root = isScalar(key) ? String(key.value) : ''
    if (ROOTS.includes(root)) walk(value, ['proxy.config'], startOf(key), at, draft)
    else draft.problems.push({ where: at(startOf(key)), what: `unknown root key ${quote(root)}; ${ROOT}` })
  }
  return draft
}

interface Draft {
  readonly records: YamlRecord[]
  readonly problems: Problem[]
}

const ROOT = 'all records stand below one key, records (or ts, as in Traffic Server 10.0)'

function startOf(node: unknown): number {
  const { isMap, isScalar } = yaml()
  return (isScalar(node) || isMap(node)) && node.range ? node.range[0] : 0
}

/** @param start where the key of the node stands, which is the place of its record */
function walk(node: unknown, path: readonly string[], start: number, at: YamlTree['at'], draft: Draft): void {
  const { isAlias, isMap, isScalar } = yaml()
  const given = path.join('.')
  if (isMap(node)) {
    for (const { key, value } of node.items)
      walk(value, [...path, isScalar(key) ? String(key.value) : ''], startOf(key), at, draft)
    return
  }
  const isNothing = node === null || (isScalar(node) && node.value === null)
  if (isNothing && isGroup(given)) return
  const where = at(start)
  if (node !== null && !isScalar(node)) {
    const what = isAlias(node) ? 'is an alias' : 'is a list'
    draft.problems.push({ where, what: `${given} ${what}; write one value` })
    return
  }
  draft.records.push({ given, type: undefined, value: textOf(node), where })
}

/** A group whose lines are all commented out sets nothing. */
const isGroup = (name: string): boolean =>
  [...RECORD_NAMES, ...TRAFFIC_SERVER_NAMES].some(known => known.startsWith(`${name}.`)) &&
  !isRecordName(name) &&
  !TRAFFIC_SERVER_NAMES.has(name)

/** As written, so that `0x1f` and `1.0` stay what they are. */
function textOf(node: unknown): string {
  if (!yaml().isScalar(node) || node.value === null) return 'NULL'
  return node.source ?? String(node.value)
}
