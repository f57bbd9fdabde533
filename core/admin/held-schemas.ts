/** What the routes about held handshakes, questions and verdicts take and answer, as JSON schema. */
import { LONGEST_PARK } from '../tls/outbound/operator.js'
import {
  answers,
  COUNT,
  listOf,
  NEXT,
  NUMBER,
  OR_NULL,
  object,
  PAGE,
  PAGED,
  pageOf,
  TEXT,
} from './schema-words.js'

/** A certificate as a person reads it. */
const CERTIFICATE = {
  subject: TEXT,
  issuer: TEXT,
  sha256: TEXT,
  notBefore: OR_NULL(NUMBER),
  notAfter: OR_NULL(NUMBER),
} as const

const PARKED_FIELDS = {
  id: COUNT,
  host: TEXT,
  port: COUNT,
  plugin: TEXT,
  connection: { enum: ['open', 'released'] },
  age: NUMBER,
  deadline: NUMBER,
  address: TEXT,
  client: OR_NULL(TEXT),
  builtIn: TEXT,
  accepted: listOf(TEXT),
  question: OR_NULL(TEXT),
  accepting: { enum: ['question', 'operator', 'none'] },
  leaf: OR_NULL(object(CERTIFICATE)),
} as const
const PARKED = object(PARKED_FIELDS)

const PARKED_DETAIL = object({
  ...PARKED_FIELDS,
  chain: listOf(object({ ...CERTIFICATE, pem: TEXT })),
  checks: object({ signature: TEXT, name: TEXT, rule: OR_NULL(TEXT) }),
  request: OR_NULL(object({ method: TEXT, url: TEXT })),
})

const RESULT = { ...TEXT, enum: ['accepted', 'rejected', 'postponed'] } as const
const HISTORY = object({
  id: COUNT,
  result: RESULT,
  by: TEXT,
  plugin: OR_NULL(TEXT),
  host: TEXT,
  port: COUNT,
  reason: OR_NULL(TEXT),
  name: OR_NULL(TEXT),
  code: OR_NULL(COUNT),
  detail: TEXT,
  who: OR_NULL(TEXT),
  why: OR_NULL(TEXT),
  question: OR_NULL(TEXT),
  resumed: { type: 'boolean' },
  builtIn: OR_NULL(TEXT),
  leaf: OR_NULL(object({ subject: TEXT, sha256: TEXT })),
  client: OR_NULL(TEXT),
  clients: listOf(TEXT),
  times: COUNT,
  since: NUMBER,
  last: NUMBER,
  held: NUMBER,
  command: TEXT,
})

const HELD = object({ hook: TEXT, plugin: TEXT, about: TEXT, since: NUMBER, deadline: NUMBER })

const WAITS_ELSEWHERE = {
  machine: TEXT,
  proxy: TEXT,
  waiting: COUNT,
  clients: listOf(TEXT),
  waitsUntil: NUMBER,
} as const
const HELD_ELSEWHERE = object({ question: TEXT, host: TEXT, port: COUNT, plugin: TEXT, ...WAITS_ELSEWHERE })

const APPROVAL_FIELDS = {
  id: TEXT,
  host: TEXT,
  port: COUNT,
  subject: TEXT,
  issuer: TEXT,
  sha256: TEXT,
  notBefore: OR_NULL(NUMBER),
  notAfter: OR_NULL(NUMBER),
  chain: listOf(TEXT),
  builtIn: TEXT,
  client: TEXT,
  clients: listOf(TEXT),
  waiting: COUNT,
  asked: COUNT,
  since: NUMBER,
  last: NUMBER,
  firstSeen: NUMBER,
  waitsUntil: NUMBER,
  elsewhere: listOf(object(WAITS_ELSEWHERE)),
}
const APPROVAL = object(APPROVAL_FIELDS, 'waitsUntil', 'elsewhere')

const GIVEN = object({
  id: TEXT,
  host: TEXT,
  port: COUNT,
  verdict: { enum: ['accept', 'reject'] },
  scope: { enum: ['leaf', 'issuer', 'host'] },
  sha256: TEXT,
  builtIn: TEXT,
  at: NUMBER,
  until: OR_NULL(NUMBER),
  who: TEXT,
  why: OR_NULL(TEXT),
})

const QUESTION_ID = object({ id: { ...TEXT, minLength: 1, maxLength: 64 } })

/** The verdict is in the route. */
const ANSWER_FIELDS = {
  scope: { ...TEXT, enum: ['leaf', 'issuer', 'host'] },
  duration: { type: 'number', minimum: 1 },
  who: { ...TEXT, minLength: 1, maxLength: 200 },
  why: { ...TEXT, maxLength: 1000 },
} as const
const ANSWER = object(ANSWER_FIELDS, 'duration', 'why')
const MORE = object({ ms: { type: 'integer', minimum: 1, maximum: LONGEST_PARK } })
const HELD_ID = object({ id: { type: 'integer', minimum: 1 } })

const answered = (summary: string) =>
  ({ role: 'decide', params: QUESTION_ID, body: ANSWER, ...answers(summary, 200, APPROVAL) }) as const

export const HELD_SCHEMAS = {
  parked: {
    ...PAGED,
    ...answers(
      'The handshakes with origins that plugins hold, what they hold on other hooks, and what other proxies of the fleet hold for questions that are open here.',
      200,
      object({ parked: listOf(PARKED), held: listOf(HELD), elsewhere: listOf(HELD_ELSEWHERE), ...NEXT }),
    ),
  },
  parkedDetail: {
    params: HELD_ID,
    ...answers('One of these handshakes, with its chain.', 200, PARKED_DETAIL),
  },
  acceptHeld: {
    role: 'decide',
    audit: 'required',
    params: HELD_ID,
    body: object(
      {
        ...ANSWER_FIELDS,
        duration: OR_NULL(ANSWER_FIELDS.duration),
        sha256: { ...TEXT, pattern: '^[0-9a-f]{64}$' },
      },
      'scope',
      'duration',
      'who',
      'why',
      'sha256',
    ),
    ...answers(
      'Accepts a handshake: answers the question of the plugin that holds it, or accepts in its place (proxy.config.admin.may_accept).',
      200,
      object({ id: COUNT, as: { enum: ['question', 'operator'] }, question: OR_NULL(TEXT) }),
    ),
  },
  extend: {
    role: 'decide',
    params: HELD_ID,
    body: MORE,
    ...answers(
      'Gives the plugin that holds a handshake more time.',
      200,
      object({ id: COUNT, deadline: NUMBER }),
    ),
  },
  extendQuestion: {
    role: 'decide',
    params: QUESTION_ID,
    body: MORE,
    ...answers(
      'Gives the handshakes that wait for a question more time; `waiting` is how many.',
      200,
      object({ id: TEXT, waiting: COUNT }),
    ),
  },
  history: {
    querystring: object(
      { search: { ...TEXT, maxLength: 300 }, result: RESULT, ...PAGE },
      'search',
      'result',
      'limit',
      'cursor',
    ),
    ...answers('The last verdicts about origins, the latest first.', 200, pageOf('history', HISTORY)),
  },
  reject: {
    role: 'decide',
    params: HELD_ID,
    body: object({ reason: TEXT, detail: { ...TEXT, maxLength: 1000 } }, 'reason', 'detail'),
    ...answers('Rejects a handshake in place of the plugin that holds it.', 200, object({ id: COUNT })),
  },
  approvals: {
    ...PAGED,
    ...answers('Open questions, oldest first.', 200, pageOf('approvals', APPROVAL)),
  },
  givenAnswers: {
    querystring: object({ search: { ...TEXT, maxLength: 300 }, ...PAGE }, 'search', 'limit', 'cursor'),
    ...answers('The answers of people that count, the latest first.', 200, pageOf('answers', GIVEN)),
  },
  takeBack: {
    role: 'decide',
    params: QUESTION_ID,
    body: object({ who: ANSWER_FIELDS.who }, 'who'),
    ...answers('Takes a rejection of a person back: the next handshake is a question again.', 200, GIVEN),
  },
  accept: { audit: 'required', ...answered('Answers a question: accepted.') },
  refuse: answered('Answers a question: rejected.'),
} as const
