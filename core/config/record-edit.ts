import { splitRecordLine } from './record-lines.js'
import type { RecordName } from './records-table.js'
import { rowOf } from './records-table.js'
import { NEWER_NAMES } from './traffic-server/names.js'
import { yaml } from './yaml-file.js'

/**
 * The text of a records.config in which a record has another value; everything else stays as it is, comments included. A
 * record without a line gets one at the end.
 * @param value as a line says it
 */
export function editRecordLines(text: string, name: RecordName, value: string): string {
  const lines = text.split('\n')
  const found = lines.findIndex(line => nameIn(line) === name)
  if (found < 0) {
    const added = `CONFIG ${name} ${rowOf(name).type} ${value}\n`
    return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${added}`
  }
  const [, head = ''] = /^(\s*\S+\s+\S+\s+\S+\s+)/.exec(lines[found] ?? '') ?? []
  const end = lines[found]?.endsWith('\r') ? '\r' : ''
  return lines.with(found, `${head}${value}${end}`).join('\n')
}

/** The record that a line sets, by its name here. */
function nameIn(line: string): string | undefined {
  const parts = splitRecordLine(line)
  return parts === undefined || 'wrong' in parts ? undefined : (NEWER_NAMES[parts.given] ?? parts.given)
}

/** The same for a records.yaml. */
export function editRecordsYaml(text: string, name: RecordName, value: string | number | null): string {
  const { isMap, isScalar, parseDocument, stringify } = yaml()
  const document = parseDocument(text)
  const root = isMap(document.contents) ? document.contents.items[0]?.key : undefined
  const path = [isScalar(root) ? String(root.value) : 'records', ...name.split('.').slice(2)]
  const node = document.getIn(path, true)
  if (isScalar(node) && node.range && node.value !== null) {
    const [start, end] = node.range
    return text.slice(0, start) + stringify(value, { lineWidth: 0 }).trim() + text.slice(end)
  }
  document.setIn(path, value)
  return document.toString({ lineWidth: 0 })
}
