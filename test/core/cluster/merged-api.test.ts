/** The management API over several processes, which are functions here. */
import { test } from 'tap'
import { ProxyError } from '../../../core/base/errors.js'
import { type MergedParts, mergedApi } from '../../../core/cluster/merged-api.js'

const NOTHING = { verdicts: 0, sessions: 0, addresses: 0, connections: 0, approvals: 0 }

type Call = readonly [place: number, name: string, ...args: unknown[]]

/** Each serves, or is about to. */
function api(...serving: readonly boolean[]) {
  const calls: Call[] = []
  const told: unknown[] = []
  const places: MergedParts['places'] = serving.map((isServing, index) => ({
    index,
    started: index + 7,
    isServing,
    isReachable: true,
    ask: async (name: string, ...args: readonly unknown[]) => {
      calls.push([index, name, ...args])
      if (name === 'verdicts') return []
      if (name === 'learning') return [`${args[0]} of ${index}`]
      const [{ key }] = args as [{ key?: string }]
      if (key !== undefined)
        throw new ProxyError('PTC_REVOCATION', `no verdict is remembered under key ${key}`)
      return name === 'revoke' ? { ...NOTHING, verdicts: 1 } : undefined
    },
  }))
  const parts = { places, tellOthers: (wanted: unknown) => told.push(wanted) }
  return { ...mergedApi(parts as unknown as MergedParts), calls, told }
}

test('what cannot be revoked is told to no other machine', async t => {
  for (const serving of [[true, true], []]) {
    for (const wanted of [{ key: 'key:unknown' }, { bogus: 'x' }, { host: 'a/b' }, null]) {
      const { revoke, told, calls } = api(...serving)
      await t.rejects(Promise.resolve(revoke(wanted, 'an operator')), { code: 'PTC_REVOCATION' })
      t.strictSame(told, [], 'others would take it for everything')
      t.notOk(calls.some(([, name]) => name === 'revoke'))
    }
  }
})

test('a verdict is revoked by its key also where a process does not answer', async t => {
  const silent = new ProxyError('PTC_PROCESS_SILENT', 'process 7 has not answered')
  const over = (known: boolean) => {
    const asked: unknown[] = []
    const told: unknown[] = []
    const places = [0, 1].map(index => ({
      index,
      isServing: true,
      isReachable: true,
      ask: async (name: string, wanted: unknown) => {
        if (name === 'revoke') asked.push(wanted)
        if (index === 1) throw silent
        return name === 'verdicts' ? (known ? [{ key: 'k', host: 'a.test' }] : []) : NOTHING
      },
    }))
    const parts = { places, tellOthers: (wanted: unknown) => told.push(wanted) }
    const { revoke } = mergedApi(parts as unknown as MergedParts)
    return { revoke: async () => await revoke({ key: 'k' }, 'an operator'), asked, told }
  }
  const known = over(true)
  await t.rejects(known.revoke(), silent, 'the operator hears of it')
  t.strictSame(known.asked, [{ key: 'k' }, { host: 'a.test' }])
  t.strictSame(known.told, [{ host: 'a.test' }])
  const unknown = over(false)
  await t.rejects(unknown.revoke(), silent, 'it may know the key')
  t.strictSame([unknown.asked, unknown.told], [[], []])
})

test('a process that starts is told of a revocation, too', async t => {
  const { revoke, calls, told } = api(true, false)
  t.same(await revoke({ host: 'a.test' }, 'an operator'), { ...NOTHING, verdicts: 1 })
  t.strictSame(calls, [
    [0, 'revoke', { host: 'a.test' }, 'an operator'],
    [1, 'withdrawHere', { host: 'a.test' }, 'an operator'],
  ])
  t.strictSame(told, [{ host: 'a.test' }])
})

test('what was learned is one answer, with what each process has seen', async t => {
  const { learning, calls } = api(true, true)
  t.strictSame(await learning('write'), ['write of 0'], 'written once')
  t.strictSame(await learning('report'), ['report of 0'])
  t.strictSame(calls.slice(0, 3), [
    [0, 'learning', 'report'],
    [1, 'learning', 'report'],
    [0, 'learning', 'write'],
  ])
})

test('an id of a process that has ended names no handshake of its successor', async t => {
  const calls: Call[] = []
  const place = {
    index: 1,
    started: 3,
    isServing: true,
    isReachable: true,
    ask: async (name: string, ...args: readonly unknown[]) => {
      calls.push([1, name, ...args])
      return name === 'parked' ? [{ id: 5, age: 0 }] : { id: 5, as: 'operator', question: null }
    },
  }
  const { parked, accept, reject, extend } = mergedApi({ places: [place] } as unknown as MergedParts)
  const person = { scope: 'leaf', duration: undefined, who: 'alice', why: undefined } as const
  const [row] = await parked()
  const id = row?.id ?? 0
  t.match(await accept(id, person), { id })
  t.match(calls.at(-1), [1, 'accept', 5], 'the process is told its own id')
  place.started = 4
  t.not((await parked())[0]?.id, id)
  const before = calls.length
  await t.rejects(accept(id, person), { code: 'PTC_ADMIN_REQUEST' })
  await t.rejects(async () => reject(id, 'policy', undefined), { code: 'PTC_ADMIN_REQUEST' })
  await t.rejects(async () => extend(id, 1000), { code: 'PTC_ADMIN_REQUEST' })
  t.equal(calls.length, before, 'nothing of it reaches the new one')
})

test('the answer to a question that one process cannot give is the failure of that process', async t => {
  const failure = new ProxyError('PTC_ADMIN_REQUEST', 'question q1: the journal cannot be written')
  const gone = new ProxyError('PTC_PROCESS_GONE', 'process 1 has ended')
  const given = { verdict: 'accept', scope: 'leaf', who: 'alice' } as never
  const answered = { id: 'q1', clients: [] }
  const over = (...outcomes: readonly unknown[]) => {
    const places = outcomes.map((outcome, index) => ({
      index,
      isServing: true,
      ask: async (name: string) => {
        if (name === 'approvals') return []
        if (outcome instanceof Error) throw outcome
        return outcome
      },
    }))
    return mergedApi({ places } as unknown as MergedParts).answer('q1', given)
  }
  const notOpen = { code: 'PTC_ADMIN_REQUEST', message: /no question q1 is open/ }
  for (const outcomes of [
    [failure, undefined],
    [undefined, failure],
    [failure, gone],
    [gone, failure, undefined],
  ])
    await t.rejects(over(...outcomes), failure)
  t.match(await over(failure, undefined, answered), answered, 'one that has it answers')
  await t.rejects(over(undefined, undefined), notOpen)
  await t.rejects(over(undefined, gone), notOpen, 'one that has ended has none')
  await t.rejects(over(gone), { code: 'PTC_PROCESS_GONE', message: /no process serves/ })
})
