/** The topics as operators reach them, and what they answer: checked where the plugin runs, and where a worker's answer arrives. */
import type { Approval, ApprovalAnswer, GivenAnswer, LearningTopic, PolicyTopic } from '../../api/managed.js'
import type { Revocation } from '../../api/plugin.js'
import { ProxyError } from '../../base/errors.js'

/**
 * The topics as operators reach them, wherever their plugin runs: in the proxy's thread, or in workers, where a request goes to
 * all of them, or to the one that knows. Each call takes 30 s at most.
 */
export interface ManagedCalls {
  readonly approvals: {
    /** @throws {ProxyError} PTC_PLUGIN_WORKER when no worker answers */
    list(): Promise<readonly Approval[]>
    /** @throws {ProxyError} as `list` */
    given(): Promise<readonly GivenAnswer[]>
    /** @throws {ProxyError} as `answer` */
    takeBack(id: string, who: string): Promise<GivenAnswer | undefined>
    /** @throws {ProxyError} as `list`, and PTC_ADMIN_REQUEST with what the plugin throws */
    answer(id: string, answer: ApprovalAnswer): Promise<Approval | undefined>
    /** @returns how many handshakes wait for the question and got more time @throws {ProxyError} as `answer` */
    extend(id: string, ms: number): Promise<number>
    /**
     * @param revocation digests are in hex
     * @throws {ProxyError} as `answer`; all workers that can be asked have been asked then
     */
    withdraw(revocation: Revocation, what: string, who: string): Promise<number>
  }
  readonly policy: PolicyTopic
  readonly learning: LearningTopic
}

type Check = (value: unknown) => boolean

const isText: Check = value => typeof value === 'string'
const isNumber: Check = value => typeof value === 'number'
const isCount: Check = value => Number.isSafeInteger(value) && (value as number) >= 0
const oneOf =
  (...words: readonly string[]): Check =>
  value =>
    words.includes(value as string)
const orNull =
  (check: Check): Check =>
  value =>
    value === null || check(value)
const orNone =
  (check: Check): Check =>
  value =>
    value === undefined || check(value)
const listOf =
  (check: Check): Check =>
  value =>
    Array.isArray(value) && value.every(check)
const has =
  (shape: Readonly<Record<string, Check>>): Check =>
  value =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(shape).every(([name, check]) => check((value as Readonly<Record<string, unknown>>)[name]))

const APPROVAL: { readonly [K in keyof Required<Approval>]: Check } = {
  id: isText,
  host: isText,
  port: isNumber,
  subject: isText,
  issuer: isText,
  sha256: isText,
  notBefore: orNull(isNumber),
  notAfter: orNull(isNumber),
  chain: listOf(isText),
  builtIn: isText,
  client: isText,
  clients: listOf(isText),
  waiting: isCount,
  elsewhere: orNone(
    listOf(
      has({
        machine: isText,
        proxy: isText,
        waiting: isCount,
        clients: listOf(isText),
        waitsUntil: isNumber,
      }),
    ),
  ),
  waitsUntil: orNone(isNumber),
  asked: isCount,
  since: isNumber,
  last: isNumber,
  firstSeen: isNumber,
  link: orNone(has({ sha256: isText, until: isNumber })),
}

const GIVEN: { readonly [K in keyof GivenAnswer]: Check } = {
  id: isText,
  host: isText,
  port: isNumber,
  verdict: oneOf('accept', 'reject'),
  scope: oneOf('leaf', 'issuer', 'host'),
  sha256: isText,
  builtIn: isText,
  at: isNumber,
  until: orNull(isNumber),
  who: isText,
  why: orNull(isText),
}

/** The functions of each topic, and what they answer. One that is added to the API stops the build until it has a line here. */
const ANSWERS: { readonly [T in keyof ManagedCalls]: { readonly [P in keyof ManagedCalls[T]]: Check } } = {
  approvals: {
    list: listOf(has(APPROVAL)),
    given: listOf(has(GIVEN)),
    takeBack: orNone(has(GIVEN)),
    answer: orNone(has(APPROVAL)),
    extend: isCount,
    withdraw: isCount,
  },
  policy: { explain: listOf(isText) },
  learning: { report: listOf(isText), write: listOf(isText) },
}

export const TOPICS = Object.keys(ANSWERS) as readonly (keyof ManagedCalls)[]

export const isTopic = (topic: unknown): topic is keyof ManagedCalls =>
  typeof topic === 'string' && Object.hasOwn(ANSWERS, topic)

/** Functions that a plugin may leave out. */
const OPTIONAL: readonly string[] = ['extend', 'given', 'takeBack']

/** The functions that a plugin has to offer. */
export const partsOf = (topic: keyof ManagedCalls): readonly string[] =>
  Object.keys(ANSWERS[topic]).filter(part => !OPTIONAL.includes(part))

/** Whether the function answers such values. */
export function isAnswer(topic: keyof ManagedCalls, part: string, value: unknown): boolean {
  const checks: Readonly<Record<string, Check>> = ANSWERS[topic]
  return Object.hasOwn(checks, part) && checks[part]?.(value) === true
}

/** The answer. @throws {ProxyError} PTC_PLUGIN_CALL for one that the function cannot have */
export function checked<T>(topic: keyof ManagedCalls, part: string, value: T): T {
  if (isAnswer(topic, part, value)) return value
  throw new ProxyError(
    'PTC_PLUGIN_CALL',
    `${part} of ${topic} has answered something else than its type says`,
  )
}
