import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { yamlReader } from '../files/yaml.js'

/** One log of the operator's list. */
export interface Log {
  readonly name: string
  readonly operator: string
  readonly key: KeyObject
  /** Timestamps from this moment on do not count; milliseconds since the epoch. */
  readonly until: number
  /** Certificates that end within this time; milliseconds since the epoch. */
  readonly notAfter: { readonly from: number; readonly to: number }
}

/** Logs by their ids: SHA-256 of their keys, base64. */
export type Logs = ReadonlyMap<string, Log>

interface RawLog {
  readonly description?: string
  readonly key: string
  readonly log_id?: string
  readonly state?: Readonly<Record<string, { readonly timestamp?: string } | undefined>>
  readonly temporal_interval?: { readonly start_inclusive: string; readonly end_exclusive: string }
}

interface RawOperator {
  readonly name: string
  readonly logs?: readonly RawLog[]
  readonly tiled_logs?: readonly RawLog[]
}

const BASE64 = { type: 'string', pattern: '^[A-Za-z0-9+/]+={0,2}$' }
const LOGS = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      description: { type: 'string' },
      key: BASE64,
      log_id: BASE64,
      state: { type: 'object', additionalProperties: { type: 'object' }, maxProperties: 1 },
      temporal_interval: {
        type: 'object',
        properties: { start_inclusive: { type: 'string' }, end_exclusive: { type: 'string' } },
        required: ['start_inclusive', 'end_exclusive'],
      },
    },
    required: ['key'],
  },
}

/** Others write this format, and add to it: unknown keys pass. JSON is YAML, too. */
const readYaml = yamlReader<{ readonly operators: readonly RawOperator[] }>({
  type: 'object',
  properties: {
    operators: {
      type: 'array',
      items: {
        type: 'object',
        properties: { name: { type: 'string' }, logs: LOGS, tiled_logs: LOGS },
        required: ['name'],
      },
    },
  },
  required: ['operators'],
})

/**
 * Reads a list in the format of log-list version 3: `operators` with their `logs` (RFC 6962) and `tiled_logs` (static-ct).
 * @throws {Error} that names file, line and mistake
 */
export function parseLogs(text: string, file: string): Logs {
  const { value, where } = readYaml(text, file)
  const logs = new Map<string, Log>()
  for (const [i, operator] of value.operators.entries())
    for (const kind of ['logs', 'tiled_logs'] as const)
      for (const [j, raw] of (operator[kind] ?? []).entries()) {
        const at = where('operators', i, kind, j)
        const [id, log] = readLog(raw, operator.name, at)
        if (logs.has(id)) throw new Error(`${at}: the log ${log.name} is there twice`)
        if (log.until > 0) logs.set(id, log)
      }
  if (logs.size === 0) throw new Error(`${file}: no log whose timestamps count`)
  return logs
}

/** From when on timestamps do not count, by the log's state. */
function endOf(state: RawLog['state'], at: string): number {
  const [[name, { timestamp } = {}] = ['usable', {}]] = Object.entries(state ?? {})
  switch (name) {
    case 'usable':
    case 'qualified':
    case 'readonly':
      return Number.POSITIVE_INFINITY
    case 'retired':
      return dateOf(timestamp, at)
    case 'pending':
    case 'rejected':
      return 0
    default:
      throw new Error(`${at}: unknown state "${name}" of a log`)
  }
}

function readLog(raw: RawLog, operator: string, at: string): [string, Log] {
  const der = Buffer.from(raw.key, 'base64')
  const id = createHash('sha256').update(der).digest('base64')
  if (raw.log_id !== undefined && raw.log_id !== id)
    throw new Error(`${at}: log_id is not the SHA-256 of the key`)
  let key: KeyObject
  try {
    key = createPublicKey({ key: der, format: 'der', type: 'spki' })
  } catch {
    throw new Error(`${at}: the key of the log is no public key in DER`)
  }
  const interval = raw.temporal_interval
  return [
    id,
    {
      name: raw.description ?? id,
      operator,
      key,
      until: endOf(raw.state, at),
      notAfter: {
        from: interval === undefined ? Number.NEGATIVE_INFINITY : dateOf(interval.start_inclusive, at),
        to: interval === undefined ? Number.POSITIVE_INFINITY : dateOf(interval.end_exclusive, at),
      },
    },
  ]
}

function dateOf(text: string | undefined, at: string): number {
  const time = Date.parse(text ?? '')
  if (Number.isNaN(time)) throw new Error(`${at}: "${text}" is no date`)
  return time
}
