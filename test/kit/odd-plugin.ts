/**
 * A plugin that fails in every odd way on one hook at a time. Its tokens: all hooks, the file that names the hook, and the
 * hooks that are notifications. It notes `did HOOK asked` when it has failed once in each way; from then on it accepts.
 */

/** As the body of a module: values that are no plain errors, each made anew. */
const VALUES = `
const trap = () => { throw Object.create(null) }
const traps = new Proxy({}, { get: () => trap })
const revoked = () => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy }
const withGetter = (name, value) => Object.defineProperty(new Error('odd'), name, value)
const cyclic = () => { const error = new Error('round'); error.cause = error; return error }
const ODD = {
  undefined: () => undefined, null: () => null, number: () => NaN, symbol: () => Symbol('odd'), bigint: () => 2n ** 4000n,
  function: () => trap, array: () => [Object.create(null)],
  bare: () => Object.create(null),
  proxy: () => new Proxy({}, traps), proxyOfError: () => new Proxy(new Error('odd'), traps), revoked,
  onProxy: () => Object.create(new Proxy({}, traps)),
  toStringThrows: () => ({ toString: trap, [Symbol.toPrimitive]: trap, toJSON: trap }),
  messageThrows: () => withGetter('message', { get: trap }), messageIsObject: () => withGetter('message', { value: Object.create(null) }),
  stackThrows: () => withGetter('stack', { get: trap }), stackIsSymbol: () => withGetter('stack', { value: Symbol() }),
  causeThrows: () => withGetter('cause', { get: trap }), causeIsProxy: () => new Error('odd', { cause: new Proxy({}, traps) }),
  nameThrows: () => withGetter('name', { get: trap }), cyclic,
  huge: () => new Error('h'.repeat(3_000_000)), hugeText: () => 't'.repeat(3_000_000),
  thenable: () => ({ then: trap }), thenableThrows: () => Object.defineProperty({}, 'then', { get: trap }),
  oddPromise: () => Object.assign(Promise.resolve(), { then: trap }),
}
`

export const ODD_MODULE = `
import { closeSync, openSync, readFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
${VALUES}
const values = Object.entries(ODD)
const quietly = call => { try { return call() } catch { return undefined } }

/** Everything that can be called, with everything. */
const callAll = (context, event) => {
  for (const [, make] of values) {
    const odd = make()
    quietly(() => context.hookAdd(odd, odd, odd))
    quietly(() => context.hookAdd('TS_VCONN_START_HOOK', odd, odd))
    if (make === ODD.huge || make === ODD.hugeText) quietly(() => context.error(make()))
    else for (const log of ['note', 'error', 'debug', 'isDebugOn']) quietly(() => context[log](odd, odd))
    quietly(() => context.schedule(odd, 1))
    quietly(() => context.schedule(() => { throw make() }, 0))
    quietly(() => context.schedule(() => {}, odd))
    quietly(() => context.revoke(odd))
    quietly(() => context.revoke({ host: odd }))
    quietly(() => context.accept(odd))
    quietly(() => context.reject(odd, odd))
    for (const name of ['use', 'provide', 'extension', 'schedule'])
      if (typeof event[name] === 'function') {
        quietly(() => event[name](odd, odd))
        quietly(() => event[name]({ cert: odd, key: odd }))
      }
    for (const name of ['get', 'getAll', 'set', 'append', 'remove'])
      quietly(() => event.headers?.[name](odd, odd))
    quietly(() => event.headers?.set('X-Odd', [odd]))
    quietly(() => { event.vconn.args[odd] = odd })
  }
}

const WAYS = {
  throw: odd => { throw odd() },
  reject: async odd => { throw odd() },
  schedule: (odd, event) => event.schedule(() => { throw odd() }, 0),
  return: (odd, event) => { event.reenable(); return odd() },
  reenable: (odd, { reenable }) => {
    reenable(odd())
    reenable({ kind: 'reject', reason: odd(), detail: odd() })
    reenable({ kind: 'accept', expiresAt: odd(), cacheFor: odd(), scope: odd() })
  },
}
const each = ways => ways.flatMap(way => values.map(([name, odd]) => ({ way: name + ' ' + way, run: WAYS[way].bind(undefined, odd) })))
const onAbort = event => {
  for (const [, odd] of values) {
    event.signal.addEventListener('abort', () => { throw odd() })
    event.signal.addEventListener('abort', async () => { throw odd() })
    quietly(() => event.signal.addEventListener('abort', odd()))
  }
}

export default context => {
  const { argv, hookAdd, note, schedule } = context
  const hooks = argv[1].split(',')
  const notified = argv[3].split(',')
  // Read once in a turn of the loop: many continuations look at it for one request.
  let phase
  const now = () => {
    if (phase === undefined) setImmediate(() => { phase = undefined })
    return (phase ??= readFileSync(argv[2], 'utf8'))
  }
  // A file for each: of several workers, one tries a way.
  const claim = (hook, n) => closeSync(openSync(argv[2] + '-' + hook + '-' + n, 'wx'))
  const isFree = (hook, n) => isMainThread || quietly(() => { claim(hook, n); return true }) === true
  const asked = [...each(Object.keys(WAYS)), { run: (event) => { callAll(context, event); event.reenable() } }, { run: onAbort }]
  const told = [...each(['throw', 'reject']), { run: event => callAll(context, event) }]
  for (const hook of hooks) {
    let count = 0
    const hasTold = new Set()
    // A continuation that only asks costs every request a round trip to the worker: one is enough.
    const ways = notified.includes(hook) ? told : told.slice(0, 1)
    ways.forEach(({ run }, i) => hookAdd(hook, event => {
      const isAsked = 'reenable' in event
      if (now() !== hook) return isAsked ? event.reenable() : undefined
      if (isAsked && i > 0) return event.reenable()
      if (isAsked) {
        while (count < asked.length && !isFree(hook, count)) count++
        const next = asked[count++]
        if (next !== undefined) return next.run(event)
        note('did ' + hook + ' asked')
        return event.reenable()
      }
      if (hasTold.has(i)) return
      // Failures write many lines, and of lines in a flood some are left out: one of these is not among them.
      if (hasTold.add(i).size === told.length)
        for (const ms of [0, 1500, 3000]) schedule(() => note('did ' + hook + ' told'), ms)
      return run(event)
    }))
  }
}
`
