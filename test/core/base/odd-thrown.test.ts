/** Whatever was thrown: words for it, not many of them, and no error of its own. */
import t from 'tap'
import { ProxyError } from '../../../core/base/errors.js'
import {
  classOf,
  clip,
  codeOf,
  describe,
  describeThrown,
  stackOf,
  toLogText,
} from '../../../core/base/thrown.js'

const trap = (): never => {
  throw Object.create(null)
}
const traps = new Proxy({}, { get: () => trap })
const having = (name: string, descriptor: PropertyDescriptor): Error =>
  Object.defineProperty(new Error('odd'), name, descriptor)
const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}
const cyclic = new Error('round')
cyclic.cause = cyclic
const onProxy = Object.setPrototypeOf(new ProxyError('PTC_USAGE', 'ours'), new Proxy({}, traps))

const ODD: readonly (readonly [string, unknown, RegExp])[] = [
  ['undefined', undefined, /^undefined$/],
  ['a symbol', Symbol('odd'), /^Symbol\(odd\)$/],
  ['a large bigint', 2n ** 100_000n, /^a bigint$/],
  ['a function', trap, /^a function was thrown$/],
  ['an object without a prototype', Object.create(null), /^an object without a message$/],
  ['a proxy whose traps throw', new Proxy({}, traps), /^an object without a message$/],
  ['a proxy of an error', new Proxy(new Error('odd'), traps), /^an object without a message$/],
  ['a revoked proxy', revoked(), /^an object without a message$/],
  ['a prototype that is a proxy', Object.create(new Proxy({}, traps)), /^an object without a message$/],
  ['toString that throws', { toString: trap, [Symbol.toPrimitive]: trap }, /^an object without a message$/],
  ['a message that throws', having('message', { get: trap }), /^an error without a message$/],
  [
    'a message that is no string',
    having('message', { value: Object.create(null) }),
    /whose message is no string$/,
  ],
  ['a stack that throws', having('stack', { get: trap }), /^odd$/],
  ['a stack that is no string', having('stack', { value: Symbol() }), /^odd$/],
  ['a cause that throws', having('cause', { get: trap }), /^odd$/],
  ['a name that throws', having('name', { get: trap }), /^odd$/],
  ['its own cause', cyclic, /^round$/],
  ['30 million characters', new Error('h'.repeat(30_000_000)), /^h{1000}\.\.\. \(30000000 characters\)$/],
  ['an error of ours on a proxy', onProxy, /^ours$/],
]

for (const [what, thrown, text] of ODD)
  t.test(what, async t => {
    t.match(describe(thrown), text)
    for (const words of [describe(thrown), describeThrown(thrown), stackOf(thrown) ?? '', classOf(thrown)])
      t.ok(words.length < 10_000, 'short')
    t.ok(toLogText(thrown).length < 20_000)
    t.type(codeOf(thrown), 'string')
    t.type(thrown instanceof ProxyError, 'boolean', 'nothing throws when it is asked what it is')
  })

t.test('a long line of a stack takes no time', async t => {
  const error = new Error('odd')
  error.stack = `odd\n at ${'/?'.repeat(3_000_000)}:1:1:${'1'.repeat(100_000)}`
  const since = performance.now()
  describeThrown(error)
  t.ok(performance.now() - since < 2000)
})

t.test('the code and the message of an error of ours are what they were, whatever has caught it', async t => {
  const error = new ProxyError('PTC_USAGE', 'ours')
  Object.defineProperty(error, 'code', { get: trap })
  Object.defineProperty(error, 'message', { get: trap })
  t.equal(ProxyError.codeOf(error), 'PTC_USAGE')
  t.equal(ProxyError.textOf(error), 'ours')
  t.notOk(Object.create(ProxyError.prototype) instanceof ProxyError, 'a prototype makes none')
  class Child extends ProxyError {}
  t.notOk(error instanceof Child)
  t.ok(new Child('PTC_USAGE', 'x') instanceof ProxyError)
})

t.test('a text that is cut says how long it was', async t => {
  t.equal(clip('abc', 3), 'abc')
  t.equal(clip('abcd', 3), 'abc... (4 characters)')
})
