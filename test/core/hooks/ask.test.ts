import { test } from 'tap'
import type { Continuation } from '../../../core/api/hooks.js'
import type { VConn } from '../../../core/api/vconn.js'
import { ask, tell } from '../../../core/hooks/ask.js'
import type { Hooked } from '../../../core/hooks/registry.js'

const vconn: VConn = { id: 1, direction: 'inbound', remoteAddress: 'a:1', localAddress: 'b:2', args: {} }

type Told = Continuation<'TS_VCONN_CLOSE_HOOK'>
const hooked = (name: string, continuation: Told): Hooked<'TS_VCONN_CLOSE_HOOK'> => ({
  plugin: { name, line: 1, mode: 'enforce', late: 'reject' },
  continuation,
  options: {},
})
const turn = (): Promise<void> => new Promise(setImmediate)

test('asking one continuation', async t => {
  const refusals = async (continuation: Told): Promise<unknown[]> => {
    const causes: unknown[] = []
    ask<'TS_VCONN_CLOSE_HOOK'>(continuation, vconn, cause => causes.push(cause))
    await turn()
    return causes
  }
  t.strictSame(await refusals(() => {}), [], 'returning is no answer')
  t.strictSame(await refusals(async () => {}), [], 'resolving is no answer')
  t.strictSame(await refusals(() => 'counted' as unknown as undefined), [], 'nor is any other value')
  t.strictSame(await refusals(() => null as unknown as undefined), [], 'nor null')
  t.strictSame(
    await refusals(() => {
      throw 'now'
    }),
    ['now'],
    'a throw means no',
  )
  t.strictSame(await refusals(() => Promise.reject('later')), ['later'], 'a rejected promise means no')
  // biome-ignore lint/suspicious/noThenProperty: a promise of another make is what is tested
  const thenable = { then: (_: unknown, fail: (cause: unknown) => void) => fail('foreign') }
  t.strictSame(await refusals(() => thenable as Promise<void>), ['foreign'], 'whoever made the promise')
})

test('telling all continuations', async t => {
  t.test('calls each in order, whatever the ones before it do, and names those that fail', async t => {
    const called: string[] = []
    const errors: unknown[] = []
    const all = [
      hooked('throws', () => {
        called.push('throws')
        throw 'now'
      }),
      hooked('rejects', async () => {
        called.push('rejects')
        throw 'later'
      }),
      hooked('hangs', () => {
        called.push('hangs')
        return new Promise(() => {})
      }),
      hooked('works', event => {
        called.push('works')
        t.equal(event, vconn)
      }),
    ]
    tell<'TS_VCONN_CLOSE_HOOK'>(all, vconn, ({ name }, cause) => errors.push([name, cause]))
    t.strictSame(called, ['throws', 'rejects', 'hangs', 'works'], 'without waiting')
    await turn()
    t.strictSame(errors, [
      ['throws', 'now'],
      ['rejects', 'later'],
    ])
  })

  t.test('answers with a promise only if a continuation needs longer', async t => {
    const errors: unknown[] = []
    const onError = (_: unknown, cause: unknown): void => void errors.push(cause)
    t.equal(tell([hooked('a', () => {})], vconn, onError), undefined)
    let finished = false
    const slow = hooked('slow', async () => {
      await turn()
      finished = true
    })
    await tell([slow, hooked('fails', () => Promise.reject('no'))], vconn, onError)
    t.equal(finished, true)
    t.strictSame(errors, ['no'])
  })
})
