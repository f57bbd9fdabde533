import { test } from 'tap'
import { type OriginAnswer, RepeatedHello } from '../../../../core/tls/sniff/repeated-hello.js'
import { helloMessage, inRecords } from '../../../kit/client-hellos.js'

const hello = (name: string): Buffer => inRecords(helloMessage({ names: [name] }))
const FIRST = hello('a.example')
const EARLY = inRecords(Buffer.alloc(100, 5), 100, 23)
const FOR_SHOW = inRecords(Buffer.from([1]), 1, 20)
const KEY_EXCHANGE = inRecords(Buffer.from([16, 0, 0, 2, 1, 2]))

/** Feeds it step by step; what passed at each, or the code of the refusal. */
function run(...steps: readonly (readonly [Buffer, OriginAnswer])[]): (string | number)[] {
  const watch = new RepeatedHello('a.example')
  return steps.map(([bytes, answer]) => {
    try {
      return watch.pass(bytes, answer).length
    } catch (cause) {
      return String((cause as { code?: unknown }).code)
    }
  })
}

const NONE = Buffer.alloc(0)

test('the first ClientHello passes, and early data behind it', async t => {
  t.strictSame(run([FIRST, 'none'], [EARLY, 'none']), [FIRST.length, EARLY.length])
  t.strictSame(run([Buffer.concat([FIRST, FOR_SHOW, EARLY]), 'none']), [
    FIRST.length + FOR_SHOW.length + EARLY.length,
  ])
  const bytewise = [...FIRST].map(byte => [Buffer.from([byte]), 'none'] as const)
  t.strictSame(run(...bytewise), [...Array(FIRST.length - 1).fill(0), FIRST.length])
})

test('after a ServerHello all passes', async t => {
  t.strictSame(run([FIRST, 'none'], [KEY_EXCHANGE, 'hello'], [EARLY, 'hello']), [
    FIRST.length,
    KEY_EXCHANGE.length,
    EARLY.length,
  ])
  const random = inRecords(Buffer.from([1, 9, 9, 9, 9])) // an encrypted Finished may look like anything
  t.strictSame(run([FIRST, 'none'], [NONE, 'hello'], [random, 'hello']), [FIRST.length, 0, random.length])
})

test('after a HelloRetryRequest the same name is asked for again, or nothing passes', async t => {
  const again = Buffer.concat([FOR_SHOW, FIRST, EARLY])
  t.strictSame(run([FIRST, 'none'], [NONE, 'retry'], [again, 'retry'], [KEY_EXCHANGE, 'retry']), [
    FIRST.length,
    0,
    again.length,
    KEY_EXCHANGE.length,
  ])
  for (const [what, second] of Object.entries({
    'another name': hello('b.example'),
    'no name': inRecords(helloMessage()),
    'another message': KEY_EXCHANGE,
    'another name behind early data': Buffer.concat([EARLY, hello('b.example')]),
  }))
    t.strictSame(run([FIRST, 'none'], [second, 'retry']), [FIRST.length, 'PTC_TUNNEL_NOT_TLS'], what)
})

test('a second ClientHello that does not wait for the question waits here', async t => {
  const both = Buffer.concat([FIRST, hello('b.example')])
  t.strictSame(run([both, 'none'], [NONE, 'retry']), [FIRST.length, 'PTC_TUNNEL_NOT_TLS'])
  t.strictSame(run([Buffer.concat([FIRST, FIRST]), 'none'], [NONE, 'retry']), [FIRST.length, FIRST.length])
  const flood = Array(80).fill([inRecords(Buffer.alloc(1000, 1)), 'none'])
  t.equal(run([FIRST, 'none'], ...flood).at(-1), 'PTC_TUNNEL_NOT_TLS', 'up to a limit')
})
