/** What the management API takes and answers, as JSON schema. */
import { ROLES } from '../base/roles.js'

const TEXT = { type: 'string' } as const
const NUMBER = { type: 'number' } as const
const COUNT = { type: 'integer' } as const

const object = (properties: Readonly<Record<string, unknown>>, ...optional: string[]) =>
  ({
    type: 'object',
    properties,
    required: Object.keys(properties).filter(name => !optional.includes(name)),
    additionalProperties: false,
  }) as const

const listOf = (items: unknown) => ({ type: 'array', items }) as const
const mapOf = (values: unknown) => ({ type: 'object', additionalProperties: values }) as const

const PLUGIN = object(
  {
    name: TEXT,
    line: COUNT,
    mode: TEXT,
    isolate: TEXT,
    deadline: NUMBER,
    hooks: listOf(TEXT),
    workers: object({ serving: COUNT, outOfService: listOf(TEXT) }),
  },
  'deadline',
  'workers',
)

const COUNTERS = object({
  handshakes: COUNT,
  parked: COUNT,
  rememberedVerdicts: COUNT,
  idleConnections: COUNT,
  ignoredReenablesTotal: COUNT,
  toleratedTotal: mapOf(COUNT),
  shadowsTotal: mapOf(object({ accepted: COUNT, rejected: COUNT, failed: COUNT, unknown: COUNT })),
})

const STATUS = object({
  pid: COUNT,
  version: TEXT,
  uptime: NUMBER,
  isStopping: { type: 'boolean' },
  confDir: TEXT,
  generation: COUNT,
  readAt: NUMBER,
  ports: listOf(object({ address: TEXT, port: COUNT })),
  plugins: listOf(PLUGIN),
  counters: COUNTERS,
  processes: listOf(object({ pid: COUNT, uptime: NUMBER, generation: COUNT, counters: COUNTERS })),
})

const PARKED = object({
  id: COUNT,
  host: TEXT,
  port: COUNT,
  plugin: TEXT,
  connection: { enum: ['open', 'released'] },
  age: NUMBER,
  deadline: NUMBER,
  leaf: { ...object({ subject: TEXT, sha256: TEXT }), nullable: true },
})

const HELD = object({ hook: TEXT, plugin: TEXT, about: TEXT, since: NUMBER, deadline: NUMBER })

const APPROVAL = object({
  id: TEXT,
  host: TEXT,
  port: COUNT,
  subject: TEXT,
  issuer: TEXT,
  sha256: TEXT,
  notBefore: { ...NUMBER, nullable: true },
  notAfter: { ...NUMBER, nullable: true },
  chain: listOf(TEXT),
  builtIn: TEXT,
  client: TEXT,
  clients: listOf(TEXT),
  waiting: COUNT,
  asked: COUNT,
  since: NUMBER,
  last: NUMBER,
  firstSeen: NUMBER,
})

const QUESTION_ID = object({ id: { ...TEXT, minLength: 1, maxLength: 64 } })

/** The verdict is in the route. */
const ANSWER = object(
  {
    scope: { ...TEXT, enum: ['leaf', 'issuer', 'host'] },
    duration: { type: 'number', minimum: 1 },
    who: { ...TEXT, minLength: 1, maxLength: 200 },
    why: { ...TEXT, maxLength: 1000 },
  },
  'duration',
  'why',
)

const VERDICT = object({ key: TEXT, host: TEXT, asked: TEXT, scope: TEXT, endsAt: NUMBER })

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

/** Every answer that is none of the others. */
export const FAILED = object({ error: object({ code: TEXT, message: TEXT, remedy: TEXT }) })

/** @param summary what the request does, for the OpenAPI document */
const answers = (summary: string, status: 200 | 202, schema: unknown) =>
  ({ summary, response: { [status]: schema, '4xx': FAILED, '5xx': FAILED } }) as const

const LINES = object({ lines: listOf(TEXT) })
const answered = (summary: string) =>
  ({ role: 'decide', params: QUESTION_ID, body: ANSWER, ...answers(summary, 200, APPROVAL) }) as const

/** The host, the key of a verdict, or the SHA-256 of a public key or a certificate, in base64 or hex. */
const REVOCABLE = { host: {}, key: {}, spki: {}, certificate: {}, all: { enum: [true] } } as const

export const SCHEMAS = {
  status: answers('What runs: version, ports, plugins, counters.', 200, STATUS),
  dashboard: {
    body: object({ who: { ...TEXT, minLength: 1, maxLength: 200 }, role: { ...TEXT, enum: ROLES } }, 'role'),
    ...answers('Makes a link that logs a person in once.', 200, object({ url: TEXT })),
  },
  parked: answers(
    'The handshakes with origins that plugins hold, and what they hold on other hooks.',
    200,
    object({ parked: listOf(PARKED), held: listOf(HELD) }),
  ),
  reject: {
    role: 'decide',
    params: object({ id: { type: 'integer', minimum: 1 } }),
    body: object({ reason: TEXT, detail: { ...TEXT, maxLength: 1000 } }, 'reason', 'detail'),
    ...answers('Rejects a handshake in place of the plugin that holds it.', 200, object({ id: COUNT })),
  },
  approvals: answers('Open questions, oldest first.', 200, object({ approvals: listOf(APPROVAL) })),
  accept: answered('Answers a question: accepted.'),
  refuse: answered('Answers a question: rejected.'),
  explain: {
    querystring: object({ host: { ...TEXT, minLength: 1, maxLength: 300 } }),
    ...answers('Which rule decides about a host.', 200, LINES),
  },
  report: answers('Reports what was learned.', 200, LINES),
  write: answers('Writes rules from what was learned.', 200, LINES),
  verdicts: answers('Acceptances that are remembered.', 200, object({ verdicts: listOf(VERDICT) })),
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
      { match: { ...TEXT, maxLength: 1000 }, changed: { type: 'boolean' } },
      'match',
      'changed',
    ),
    ...answers('All records, or those whose names match.', 200, object({ records: listOf(RECORD) })),
  },
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
    querystring: object({ match: { ...TEXT, maxLength: 1000 } }, 'match'),
    ...answers('Metrics by name.', 200, object({ metrics: listOf(object({ name: TEXT, value: NUMBER })) })),
  },
  plugins: answers('The plugins.', 200, object({ plugins: listOf(PLUGIN) })),
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
  stop: answers('Begins to end.', 202, object({ grace: NUMBER })),
  prometheus: {
    ...answers('All metrics, in the text format of Prometheus.', 200, TEXT),
    produces: ['text/plain'],
  },
  events: {
    ...answers('Server-sent events: parked, approvals or status, when that has changed.', 200, TEXT),
    produces: ['text/event-stream'],
  },
  openapi: answers('This document.', 200, mapOf({})),
} as const
