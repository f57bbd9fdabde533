/** The topics as operators reach them: of a plugin in this thread, and of one in several workers. */
import type { Approval, ApprovedOrigin, GivenAnswer, ManagedTopics } from '../../api/managed.js'
import type { Revocation } from '../../api/plugin.js'
import { ProxyError } from '../../base/errors.js'
import { describe } from '../../base/thrown.js'
import { after } from '../../base/timer.js'
import { checked, type ManagedCalls } from './answers.js'

type Calls<T extends keyof ManagedCalls> = (offered: ManagedTopics[T]) => ManagedCalls[T]

/** The plugin may have passed functions that return anything, or throw. */
const IN_THREAD: { readonly [T in keyof ManagedCalls]: Calls<T> } = {
  approvals: offered => ({
    list: () => answerOf('approvals', 'list', () => offered.list()),
    given: () => answerOf('approvals', 'given', () => offered.given?.() ?? []),
    takeBack: (id, who) => answerOf('approvals', 'takeBack', () => offered.takeBack?.(id, who)),
    answer: (id, answer) => answerOf('approvals', 'answer', () => offered.answer(id, answer)),
    extend: (id, ms) => answerOf('approvals', 'extend', () => offered.extend?.(id, ms) ?? 0),
    withdraw: (revocation, what, who) =>
      answerOf('approvals', 'withdraw', () => offered.withdraw(meantBy(revocation), what, who)),
  }),
  policy: offered => ({ explain: host => answerOf('policy', 'explain', () => offered.explain(host)) }),
  learning: offered => ({
    report: () => answerOf('learning', 'report', () => offered.report()),
    write: () => answerOf('learning', 'write', () => offered.write()),
  }),
}

/** What a plugin in this thread offers. Errors of the plugin get the code PTC_ADMIN_REQUEST. */
export const callsOf = <T extends keyof ManagedCalls>(topic: T, offered: ManagedTopics[T]): ManagedCalls[T] =>
  IN_THREAD[topic](offered)

/** How long a request of an operator waits for a plugin; milliseconds. */
export const PATIENCE = 30_000

/** What the plugin has begun goes on, and reaches nothing. */
function inTime<R>(what: string, work: R): Promise<Awaited<R>> {
  return new Promise((resolve, reject) => {
    const late = new ProxyError(
      'PTC_PLUGIN_CALL',
      `${what} has not answered within ${PATIENCE / 1000} s; what was asked may be done`,
    )
    const timer = after(PATIENCE, () => reject(late), reject).unref()
    Promise.resolve(work)
      .finally(() => clearTimeout(timer))
      .then(resolve, reject)
  })
}

async function answerOf<R>(
  topic: keyof ManagedCalls,
  part: string,
  work: () => R | Promise<R>,
): Promise<Awaited<R>> {
  try {
    return checked(topic, part, await inTime(`${part} of ${topic}`, work()))
  } catch (cause) {
    if (cause instanceof ProxyError) throw cause
    throw new ProxyError('PTC_ADMIN_REQUEST', describe(cause), { cause })
  }
}

/**
 * Calls a function of the topic in one instance.
 * @throws {ProxyError} what it throws there, or PTC_PLUGIN_WORKER when it ends before it answers
 */
export type CallInstance = (part: string, args: readonly unknown[]) => Promise<unknown>

/** The instances that can be asked now, at least one. @throws {ProxyError} PTC_PLUGIN_WORKER when there is none */
export type Instances = () => readonly [CallInstance, ...CallInstance[]]

/** One topic of several instances, as one. */
const MERGED: { readonly [T in keyof ManagedCalls]: (instances: Instances) => ManagedCalls[T] } = {
  approvals: instances => ({
    list: async () => mergeApprovals((await askAll<readonly Approval[]>(instances, 'list')).flat()),
    given: async () => mergeGiven((await askAll<readonly GivenAnswer[]>(instances, 'given')).flat()),
    takeBack: (...args) => askUntilFound<GivenAnswer>(instances, 'takeBack', ...args),
    answer: (id, answer) =>
      asShown(
        id,
        () => askAll<readonly Approval[]>(instances, 'list'),
        () => askUntilFound<Approval>(instances, 'answer', id, answer),
      ),
    extend: async (...args) => sum(await askAll<number>(instances, 'extend', ...args)),
    // One after another: the others receive what the first one withdraws, and do not write it down again.
    withdraw: async (...args) => Math.max(...(await askEach<number>(instances, 'withdraw', ...args))),
  }),
  policy: instances => ({ explain: host => askOne(instances, 'explain', host) }),
  learning: instances => ({
    report: async () => (await askAll<readonly string[]>(instances, 'report')).at(-1) ?? [],
    write: async () => {
      // A report puts what each instance has seen into the file that all share; one of them writes from it.
      await askAll(instances, 'report')
      return await askOne(instances, 'write')
    },
  }),
}

export const mergedCalls = <T extends keyof ManagedCalls>(topic: T, instances: Instances): ManagedCalls[T] =>
  MERGED[topic](instances)

/** One that ends while it is asked has nothing any more. @throws {ProxyError} the first other failure; that end, if all end */
async function askAll<R>(
  instances: Instances,
  part: string,
  ...args: readonly unknown[]
): Promise<readonly R[]> {
  return answersIn<R>(await Promise.allSettled(instances().map(call => call(part, args))))
}

/** The same, one after another; a failure keeps none from being asked. */
async function askEach<R>(
  instances: Instances,
  part: string,
  ...args: readonly unknown[]
): Promise<readonly R[]> {
  const outcomes: PromiseSettledResult<unknown>[] = []
  for (const call of instances()) outcomes.push(...(await Promise.allSettled([call(part, args)])))
  return answersIn<R>(outcomes)
}

function answersIn<R>(outcomes: readonly PromiseSettledResult<unknown>[]): readonly R[] {
  const failures = outcomes.flatMap(one => (one.status === 'rejected' ? [one.reason as unknown] : []))
  const answers = outcomes.flatMap(one => (one.status === 'fulfilled' ? [one.value as R] : []))
  const failure = failures.find(cause => !isEnd(cause))
  if (failure !== undefined) throw failure
  if (answers.length === 0) throw failures[0]
  return answers
}

/** The first that does not end before it answers. */
async function askOne<R>(instances: Instances, part: string, ...args: readonly unknown[]): Promise<R> {
  let end: unknown
  for (const call of instances()) {
    try {
      return (await call(part, args)) as R
    } catch (cause) {
      if (!isEnd(cause)) throw cause
      end = cause
    }
  }
  throw end
}

/** The first that has it. Where none has, but one could not say: its failure. */
async function askUntilFound<R>(
  instances: Instances,
  part: string,
  ...args: readonly unknown[]
): Promise<R | undefined> {
  let failure: unknown
  for (const call of instances()) {
    try {
      const found = (await call(part, args)) as R | undefined
      if (found !== undefined) return found
    } catch (cause) {
      failure ??= cause
    }
  }
  if (failure !== undefined) throw failure
  return undefined
}

const isEnd = (cause: unknown): boolean => ProxyError.codeOf(cause) === 'PTC_PLUGIN_WORKER'

/** Answers a question. @returns the question as all instances had it open, not that one alone which has taken the answer */
export async function asShown<R extends Approval | undefined>(
  id: string,
  list: () => Promise<readonly (readonly Approval[])[]>,
  answer: () => Promise<R>,
): Promise<R> {
  const open = await list().catch(() => [])
  const shown = mergeApprovals(open.flat()).find(one => one.id === id)
  const taken = await answer()
  return taken === undefined || shown === undefined ? taken : { ...taken, ...shown }
}

const sum = (counts: readonly number[]): number => counts.reduce((all, one) => all + one, 0)

/** The same question may be open in several instances: it is one. Oldest first. */
export function mergeApprovals(all: readonly Approval[]): readonly Approval[] {
  const byId = new Map<string, Approval>()
  for (const one of all) {
    const other = byId.get(one.id)
    byId.set(one.id, other === undefined ? one : merged(other, one))
  }
  return [...byId.values()].sort((a, b) => a.since - b.since)
}

/** Instances tell one another of answers: each is one, wherever it is known. The latest first. */
export function mergeGiven(all: readonly GivenAnswer[]): readonly GivenAnswer[] {
  const byId = new Map(all.map(one => [one.id, one]))
  return [...byId.values()].sort((a, b) => b.at - a.at || (a.id < b.id ? -1 : 1))
}

const merged = (a: Approval, b: Approval): Approval => {
  const link = (a.link?.until ?? 0) >= (b.link?.until ?? 0) ? a.link : b.link
  // Each has heard the same.
  const elsewhere = new Map([...(b.elsewhere ?? []), ...(a.elsewhere ?? [])].map(one => [one.proxy, one]))
  const ends = [a.waitsUntil, b.waitsUntil].filter(end => end !== undefined)
  return {
    ...(a.last >= b.last ? a : b),
    clients: [...new Set([...a.clients, ...b.clients])],
    waiting: a.waiting + b.waiting,
    waitsUntil: ends.length === 0 ? undefined : Math.min(...ends),
    asked: a.asked + b.asked,
    since: Math.min(a.since, b.since),
    firstSeen: Math.min(a.firstSeen, b.firstSeen),
    ...(link === undefined ? {} : { link }),
    ...(elsewhere.size === 0 ? {} : { elsewhere: [...elsewhere.values()] }),
  }
}

/**
 * Which approvals a revocation withdraws. A plugin is given this function, and a worker makes it of the same plain data.
 * @param revocation as the proxy writes it: digests in hex
 */
function meantBy(revocation: Revocation): (origin: ApprovedOrigin) => boolean {
  if (revocation === 'all') return () => true
  if ('host' in revocation) {
    const wanted = withoutDot(revocation.host)
    return ({ host }) => withoutDot(host) === wanted
  }
  if ('spki' in revocation) return ({ spki }) => spki === revocation.spki
  return ({ sha256 }) => sha256 === revocation.certificate
}

const withoutDot = (host: string): string => (host.endsWith('.') ? host.slice(0, -1) : host)
