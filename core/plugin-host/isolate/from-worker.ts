/**
 * What a worker may say: a closed schema. A thread that runs a plugin's code can post anything. Checked by hand, because
 * every answer of an isolated plugin passes here.
 */
import { ERRORS } from '../../base/error-table.js'
import type { ErrorCode } from '../../base/errors.js'
import { MAX_LOG_TEXT, MAX_MESSAGE, MAX_STACK } from '../../base/thrown.js'
import { findHook } from '../../hooks/hook-ids.js'
import { TOPICS } from '../topics/answers.js'
import { CALL_NAMES, type FromWorker } from './messages.js'

/** What `clip` adds to a text that it has cut. */
const CLIPPED = 64
/** What an init puts on hooks. */
const MAX_USES = 1000
/** What a plugin calls before one answer. */
export const MAX_EFFECTS = 1000
const MAX_WORD = 256
/** Characters of one page of what a topic answers, as JSON: the proxy parses each at once. */
export const MAX_ANSWER = 1_048_576
/** Pages of one answer. */
export const MAX_PAGES = 32
/** Limits for a call. */
const MAX_ARGS = 8
const MAX_LIST = 100

type Check = (value: unknown) => boolean
type Shape = Readonly<Record<string, Check>>

const optional =
  (check: Check): Check =>
  value =>
    value === undefined || check(value)
const textOf =
  (max: number): Check =>
  value =>
    typeof value === 'string' && value.length <= max
const oneOf =
  (...words: readonly string[]): Check =>
  value =>
    typeof value === 'string' && words.includes(value)

const isTime: Check = value => typeof value === 'number' && !Number.isNaN(value)
const isSeq: Check = value => Number.isSafeInteger(value)
const isMessage = textOf(MAX_MESSAGE + CLIPPED)
const isWord = textOf(MAX_WORD)

/** A plain object that has these fields, and no other. */
export function isOf(value: unknown, shape: Shape): boolean {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return false
  const fields = value as Readonly<Record<string, unknown>>
  for (const name in fields) if (!Object.hasOwn(shape, name)) return false
  for (const name in shape) if (shape[name]?.(fields[name]) !== true) return false
  return true
}

const ACCEPT: Shape = {
  kind: oneOf('accept'),
  expiresAt: optional(isTime),
  cacheFor: optional(isTime),
  scope: optional(oneOf('chain', 'host')),
  question: optional(isWord),
}
const HOLD: Shape = { id: isWord, retryAfter: isTime }
const REJECT: Shape = {
  kind: oneOf('reject'),
  reason: isWord,
  detail: optional(isMessage),
  hold: optional(value => isOf(value, HOLD)),
  question: optional(isWord),
}
const METRIC: Shape = {
  kind: oneOf('counter', 'gauge', 'histogram'),
  name: isWord,
  help: isMessage,
  labels: listOf(isWord),
  buckets: optional(listOf(isTime)),
}
const MEASURE: Shape = {
  name: isWord,
  op: oneOf('inc', 'set', 'observe'),
  value: isTime,
  labels: value => typeof value === 'object' && value !== null && Object.values(value).every(isWord),
}
const USE: Shape = {
  id: value => typeof value === 'string' && findHook(value) === value,
  options: value => isOf(value, { coalesce: optional(isBoolean), sees: optional(oneOf('incomplete')) }),
}

const SHAPES: { readonly [D in FromWorker['did']]: Shape } = {
  load: {
    did: isWord,
    hooks: value =>
      Array.isArray(value) && value.length <= MAX_USES && value.every((use: unknown) => isOf(use, USE)),
    topics: value =>
      Array.isArray(value) && new Set(value).size === value.length && value.every(oneOf(...TOPICS)),
  },
  'not-load': { did: isWord, code: isErrorCode, message: isMessage },
  return: { did: isWord, seq: isSeq },
  withdraw: { did: isWord, seq: isSeq },
  answer: {
    did: isWord,
    seq: isSeq,
    about: isMessage,
    verdict: value => isOf(value, ACCEPT) || isOf(value, REJECT),
    // The codec of the hook checks what is in it.
    effects: value => Array.isArray(value) && value.length <= MAX_EFFECTS,
  },
  fail: {
    did: isWord,
    seq: isSeq,
    message: isMessage,
    stack: optional(textOf(MAX_STACK + CLIPPED)),
  },
  overdo: { did: isWord, about: isMessage, why: oneOf('second', 'late') },
  revoke: { did: isWord, what: isRevocation },
  // What the arguments may be the service knows.
  call: {
    did: isWord,
    id: isSeq,
    name: oneOf(...CALL_NAMES),
    args: value => Array.isArray(value) && value.length <= MAX_ARGS,
    seq: optional(isSeq),
  },
  managed: {
    did: isWord,
    seq: isSeq,
    text: textOf(MAX_ANSWER),
    left: optional(value => Number.isSafeInteger(value) && Number(value) > 0 && Number(value) < MAX_PAGES),
    error: optional(value => isOf(value, { code: isErrorCode, message: isMessage })),
  },
  metric: { did: isWord, spec: value => isOf(value, METRIC) },
  measure: { did: isWord, measure: value => isOf(value, MEASURE) },
  log: {
    did: isWord,
    level: oneOf('debug', 'note', 'error'),
    message: textOf(MAX_LOG_TEXT + MAX_STACK),
    tag: isWord,
  },
}

/** Undefined for what no worker of ours says. */
export function readFromWorker(message: unknown): FromWorker | undefined {
  if (typeof message !== 'object' || message === null) return undefined
  const { did } = message as { readonly did?: unknown }
  if (typeof did !== 'string' || !Object.hasOwn(SHAPES, did)) return undefined
  return isOf(message, SHAPES[did as FromWorker['did']]) ? (message as FromWorker) : undefined
}

function listOf(check: Check): Check {
  return value => Array.isArray(value) && value.length <= MAX_LIST && value.every(check)
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean'
}

function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERRORS, value)
}

/** What is sent of what a plugin wants revoked; null stands for what cannot be, of which the proxy writes a line. */
export function plainRevocation(what: unknown): unknown {
  try {
    const plain = typeof what === 'object' && what !== null ? { ...what } : what
    return isRevocation(plain) ? plain : null
  } catch {
    return null
  }
}

/** Whether it is one that means something is found out where it is read. */
function isRevocation(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return value === null || isMessage(value)
  return Object.values(value).length <= 2 && Object.values(value).every(isMessage)
}
