/** Messages cut and mutated at random, from the corpus of test/fixtures/smuggling. */
import fc from 'fast-check'
import { ODD_REQUESTS, SMUGGLING_REQUESTS } from '../fixtures/smuggling/requests.js'

/** Ends when time is up, and not before. */
export const forSeconds = (seconds: number) =>
  ({ interruptAfterTimeLimit: seconds * 1000, numRuns: 1_000_000, markInterruptAsFailure: false }) as const

/** Places to cut a message at. */
export const cuts = fc.array(fc.nat({ max: 2000 }), { maxLength: 12 })

export function cutUp(bytes: string, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map(n => n % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...places].map((from, i) => Buffer.from(bytes.slice(from, places[i] ?? bytes.length), 'latin1'))
}

export type Mutation = readonly [kind: 'replace' | 'insert' | 'delete' | 'repeat', at: number, what: string]

export const mutation: fc.Arbitrary<Mutation> = fc.tuple(
  fc.constantFrom('replace', 'insert', 'delete', 'repeat'),
  fc.nat({ max: 400 }),
  fc.oneof(
    fc.constantFrom('\r', '\n', '\r\n', ' ', '\t', '\0', ':', ',', ';', '0', '1', 'a', '\r\n\r\n', '\x0b'),
    fc.constantFrom('Content-Length: 3\r\n', 'Transfer-Encoding: chunked\r\n', 'Host: y\r\n', '0\r\n\r\n'),
    fc.string({ maxLength: 3, unit: 'binary' }).map(text => Buffer.from(text).toString('latin1')),
  ),
)

export function mutate(bytes: string, mutations: readonly Mutation[]): string {
  return mutations.reduce((text, [kind, place, what]) => {
    const at = place % (text.length + 1)
    if (kind === 'insert') return text.slice(0, at) + what + text.slice(at)
    if (kind === 'repeat') return text.slice(0, at) + text.slice(at - 8, at) + text.slice(at)
    return text.slice(0, at) + (kind === 'replace' ? what : '') + text.slice(at + Math.max(1, what.length))
  }, bytes)
}

/** Requests to begin with; `ORIGIN` is to be replaced. */
export const SEEDS = [
  ...SMUGGLING_REQUESTS.map(({ bytes }) => bytes),
  ...ODD_REQUESTS.map(([, bytes]) => bytes),
].filter(bytes => bytes.length < 1000)
