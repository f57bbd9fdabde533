import { EventEmitter, getEventListeners, once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { aborted } from 'node:util'
import { test } from 'tap'
import { containedAbort } from '../../../core/base/contained-abort.js'

function make(): { controller: AbortController; signal: AbortSignal; causes: unknown[] } {
  const causes: unknown[] = []
  const controller = containedAbort(cause => causes.push(cause))
  return { controller, signal: controller.signal, causes }
}

const fail = (what: string) => (): void => {
  throw what
}

// Whatever is not contained is an uncaught exception, which fails the test.
test('an exception of an abort listener is reported and goes no further', async t => {
  const { controller, signal, causes } = make()
  let heard = 0
  const listener = {
    handleEvent(event: Event): void {
      t.equal(this, listener)
      t.equal(event.target, signal)
      throw 'object'
    },
  }
  signal.addEventListener('abort', fail('now'))
  signal.addEventListener('abort', async () => fail('later')())
  signal.addEventListener('abort', listener, { once: true })
  signal.addEventListener('abort', function (this: AbortSignal) {
    t.equal(this, signal)
    heard++
  })
  signal.onabort = fail('property')
  controller.abort()
  await sleep(5)
  t.strictSame(causes, ['now', 'object', 'property', 'later'])
  t.equal(heard, 1)
})

test('listeners come and go as with any signal', async t => {
  const { controller, signal, causes } = make()
  const listener = fail('removed')
  signal.addEventListener('abort', listener)
  signal.addEventListener('abort', listener)
  t.equal(getEventListeners(signal, 'abort').length, 1, 'the same one once')
  signal.removeEventListener('abort', listener)
  signal.onabort = listener
  signal.onabort = null
  t.throws(() => Reflect.apply(signal.addEventListener, signal, ['abort', 7]), {
    code: 'ERR_INVALID_ARG_TYPE',
  })
  signal.addEventListener('abort', () => {}, { signal: AbortSignal.abort() })
  controller.abort()
  await sleep(5)
  t.strictSame(causes, [])
})

test('a contained signal is accepted wherever Node takes a signal', async t => {
  const server = createServer(() => {}).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const { controller, signal, causes } = make()
  t.ok(signal instanceof AbortSignal)
  t.equal(String(signal), '[object AbortSignal]')
  const derived = AbortSignal.any([AbortSignal.any([signal]), AbortSignal.timeout(60_000)])
  const kept = {}
  const stream = new Readable({ read: () => {}, signal })
  stream.on('error', () => {})
  const waiting: Promise<unknown>[] = [
    sleep(60_000, undefined, { signal }),
    fetch(url, { signal }),
    once(new EventEmitter(), 'never', { signal }),
  ]
  const isAborted = aborted(signal, kept)
  signal.throwIfAborted()
  await sleep(20)
  controller.abort()
  for (const promise of waiting) await t.rejects(promise, { name: 'AbortError' })
  await isAborted
  t.ok(signal.aborted && derived.aborted && new Request(url, { signal }).signal.aborted && kept)
  t.ok(stream.destroyed)
  t.throws(() => signal.throwIfAborted(), { name: 'AbortError' })
  t.strictSame(causes, [])
})
