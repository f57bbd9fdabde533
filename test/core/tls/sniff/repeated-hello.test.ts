import { test } from 'tap'
import {
  type FirstHello,
  type OriginAnswer,
  RepeatedHello,
} from '../../../../core/tls/sniff/repeated-hello.js'
import { helloMessage, inRecords } from '../../../kit/client-hellos.js'

const ECH = 0xfe0d
const hello = (name: string, ech?: string): Buffer =>
  inRecords(helloMessage({ names: [name], more: ech === undefined ? [] : [[ECH, Buffer.from(ech)]] }))
const FIRST = hello('a.example')
const EARLY = inRecords(Buffer.alloc(100, 5), 100, 23)
const FOR_SHOW = inRecords(Buffer.from([1]), 1, 20)
const KEY_EXCHANGE = inRecords(Buffer.from([16, 0, 0, 2, 1, 2]))

type Steps = readonly (readonly [Buffer, OriginAnswer])[]

/** Feeds it step by step; what passed at each, or the code of the refusal. */
const run = (...steps: Steps): (string | number)[] =>
  runWith({ ech: undefined, maySealAnew: false }, ...steps)

function runWith(first: Omit<FirstHello, 'announced'>, ...steps: Steps): (string | number)[] {
  const watch = new RepeatedHello({ announced: 'a.example', ...first })
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

test('what was taken for GREASE is repeated as it was, or it is none', async t => {
  const first = hello('a.example', 'one')
  const again = (ech: string | undefined, maySealAnew: boolean): string | number | undefined => {
    const second = hello('a.example', ech)
    const passed = runWith({ ech: 'one', maySealAnew }, [first, 'none'], [second, 'retry'])[1]
    return passed === second.length ? 'passed' : passed
  }
  t.equal(again('one', false), 'passed')
  for (const ech of ['two', '', undefined]) {
    t.equal(again(ech, false), 'PTC_TUNNEL_ECH', String(ech))
    t.equal(again(ech, true), 'passed', String(ech))
  }
  const late = run([FIRST, 'none'], [hello('a.example', 'one'), 'retry'])
  t.equal(late[1], 'PTC_TUNNEL_ECH', 'where the first one had none')
})
