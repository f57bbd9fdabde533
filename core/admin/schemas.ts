/** What the management API takes and answers, as JSON schema. */
import { ROLES } from '../base/roles.js'
import { HELD_SCHEMAS } from './held-schemas.js'
import {
  answers,
  COUNT,
  LINES,
  listOf,
  mapOf,
  NUMBER,
  OR_NULL,
  object,
  PAGE,
  PAGED,
  pageOf,
  TEXT,
} from './schema-words.js'

const PLUGIN = object(
  {
    name: TEXT,
    line: COUNT,
    mode: TEXT,
    isolate: TEXT,
    deadline: NUMBER,
    hooks: listOf(TEXT),
    workers: object({ serving: COUNT, processesWithout: COUNT, outOfService: listOf(TEXT) }),
  },
  'deadline',
  'workers',
)

const COUNTERS = object({
  handshakes: COUNT,
  parked: COUNT,
  rememberedVerdicts: COUNT,
  idleConnections: COUNT,
  clientConnections: COUNT,
  verdictsTotal: COUNT,
  ignoredReenablesTotal: COUNT,
  toleratedTotal: mapOf(COUNT),
  shadowsTotal: mapOf(object({ accepted: COUNT, rejected: COUNT, failed: COUNT, unknown: COUNT })),
})

const FLEET = object({
  isConnected: { type: 'boolean' },
  since: NUMBER,
  lastError: OR_NULL(TEXT),
  lastErrorAt: OR_NULL(NUMBER),
  waiting: COUNT,
})

const PROCESS = object(
  { pid: COUNT, uptime: NUMBER, generation: COUNT, counters: COUNTERS, fleet: FLEET },
  'fleet',
)

const STATUS_FIELDS = {
  pid: COUNT,
  version: TEXT,
  uptime: NUMBER,
  isStopping: { type: 'boolean' },
  isDraining: { type: 'boolean' },
  confDir: TEXT,
  generation: COUNT,
  readAt: NUMBER,
  ports: listOf(object({ address: TEXT, port: COUNT })),
  plugins: listOf(PLUGIN),
  counters: COUNTERS,
  processes: listOf(PROCESS),
  fleet: FLEET,
}
const STATUS = object(STATUS_FIELDS, 'fleet')

const VERDICT = object({ key: TEXT, host: TEXT, asked: TEXT, scope: TEXT, endsAt: NUMBER })

const RULE = object({ number: COUNT, where: TEXT, fqdn: TEXT, says: mapOf(TEXT) })

const RECORD = object(
  {
    name: TEXT,
    type: TEXT,
    value: TEXT,
    default: TEXT,
    source: TEXT,
    reload: { type: 'boolean' },
    domain: TEXT,
    about: TEXT,
  },
  'source',
)

const NAME = { ...TEXT, minLength: 1, maxLength: 200 } as const

/** The host, the key of a verdict, or the SHA-256 of a public key or a certificate, in base64 or hex. */
const REVOCABLE = { host: {}, key: {}, spki: {}, certificate: {}, all: { enum: [true] } } as const

export const SCHEMAS = {
  status: answers('What runs: version, ports, plugins, counters.', 200, STATUS),
  dashboard: {
    body: object({ who: { ...TEXT, minLength: 1, maxLength: 200 }, role: { ...TEXT, enum: ROLES } }, 'role'),
    ...answers('Makes a link that logs a person in once.', 200, object({ url: TEXT })),
  },
  ...HELD_SCHEMAS,
  explain: {
    querystring: object({ host: { ...TEXT, minLength: 1, maxLength: 300 }, ...PAGE }, 'limit', 'cursor'),
    ...answers('Which rule decides about a host.', 200, pageOf('lines', TEXT)),
  },
  report: { ...PAGED, ...answers('Reports what was learned.', 200, pageOf('lines', TEXT)) },
  write: answers('Writes rules from what was learned.', 200, LINES),
  verdicts: {
    ...PAGED,
    ...answers('Acceptances that are remembered.', 200, pageOf('verdicts', VERDICT)),
  },
  // Which of its forms it is, and whether, is for `readRevocation` to say.
  revoke: {
    body: { type: 'object', properties: REVOCABLE, minProperties: 1, maxProperties: 1 },
    querystring: object({ who: { ...TEXT, maxLength: 200 } }, 'who'),
    ...answers(
      'Withdraws acceptances: of a host, a verdict, a public key, a certificate, or all.',
      200,
      object({ verdicts: COUNT, sessions: COUNT, addresses: COUNT, connections: COUNT, approvals: COUNT }),
    ),
  },
  message: {
    body: object(
      { tag: { ...TEXT, minLength: 1, maxLength: 1000 }, data: { ...TEXT, maxLength: 1_000_000 } },
      'data',
    ),
    ...answers('Sends a message to the plugins.', 200, object({ plugins: COUNT })),
  },
  records: {
    querystring: object(
      { match: { ...TEXT, maxLength: 1000 }, changed: { type: 'boolean' }, ...PAGE },
      'match',
      'changed',
      'limit',
      'cursor',
    ),
    ...answers('All records, or those whose names match.', 200, pageOf('records', RECORD)),
  },
  rules: { ...PAGED, ...answers('The rules of sni.yaml, in their order.', 200, pageOf('rules', RULE)) },
  record: { params: object({ name: NAME }), ...answers('One record.', 200, RECORD) },
  setRecord: {
    params: object({ name: NAME }),
    body: object({ value: { ...TEXT, maxLength: 10_000 } }),
    ...answers(
      'Gives a record another value, in its file and in the running proxy.',
      200,
      object({ name: TEXT, value: TEXT, file: TEXT, needsRestart: { type: 'boolean' } }),
    ),
  },
  metrics: {
    querystring: object({ match: { ...TEXT, maxLength: 1000 }, ...PAGE }, 'match', 'limit', 'cursor'),
    ...answers('Metrics by name.', 200, pageOf('metrics', object({ name: TEXT, value: NUMBER }))),
  },
  samples: {
    querystring: object({ since: NUMBER }, 'since'),
    ...answers(
      'What the page plots: the last hour, or what was measured after a time. Counters are sums over the processes.',
      200,
      object({
        every: COUNT,
        times: listOf(NUMBER),
        series: listOf(object({ name: TEXT, values: listOf(OR_NULL(NUMBER)) })),
      }),
    ),
  },
  plugins: { ...PAGED, ...answers('The plugins.', 200, pageOf('plugins', PLUGIN)) },
  reloadPlugin: {
    params: object({ name: NAME }),
    ...answers(
      'Loads a plugin anew, and the others with it: plugins change together. The configuration stays as it is in force.',
      200,
      object({ generation: COUNT, plugins: listOf(TEXT) }),
    ),
  },
  debug: {
    body: object({ tags: { ...TEXT, maxLength: 1000, nullable: true } }),
    ...answers(
      'Switches debug lines on for these tags, or off.',
      200,
      object({ tags: { ...TEXT, nullable: true } }),
    ),
  },
  reload: answers(
    'Reads the configuration again.',
    200,
    object({ generation: COUNT, needRestart: listOf(TEXT) }),
  ),
  drain: {
    body: object({ undo: { type: 'boolean' } }, 'undo'),
    ...answers(
      'Has clients come back by new connections, or no more; `connections` are left.',
      202,
      object({ isDraining: { type: 'boolean' }, connections: COUNT }),
    ),
  },
  restart: answers('Begins to replace the processes that serve.', 202, object({ processes: COUNT })),
  stop: answers('Begins to end.', 202, object({ grace: NUMBER })),
  prometheus: {
    ...answers('All metrics, in the text format of Prometheus.', 200, TEXT),
    produces: ['text/plain'],
  },
  events: {
    ...answers('Server-sent events: parked, approvals, history or status, when that has changed.', 200, TEXT),
    produces: ['text/event-stream'],
  },
  openapi: answers('This document.', 200, mapOf({})),
} as const
