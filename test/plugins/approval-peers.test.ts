/** approval.js in proxies of a fleet that cannot tell one another anything for some time. */
import { test } from 'tap'
import type { Kit } from '../../core/testing/kit.js'
import { dir, open } from '../core/testing/plugins.js'
import { poll } from '../kit/watch.js'
import { approvalsOf, BY_ME, chain, fresh, HOST as host, until } from './approval-kit.js'
import { ACCEPTED } from './kit.js'

interface Machine {
  readonly onMessage: (message: unknown) => void
  isAway: boolean
  /** What it has told while it was away. */
  readonly kept: unknown[]
}
const machines = new Map<string, Machine>()
Object.assign(globalThis, { machinesOfApproval: machines })

dir.file(
  'joined.mjs',
  `import approval, { optionsSchema } from '${new URL('../../plugins/approval.js', import.meta.url).href}'
export { optionsSchema }
const all = globalThis.machinesOfApproval
export default context => approval({ ...context, peers: {
  async send(message) {
    const own = all.get(context.options.remember)
    if (own.isAway) return own.kept.push(message)
    for (const other of all.values()) if (other !== own && !other.isAway) other.onMessage(message)
  },
  onMessage(onMessage) { all.set(context.options.remember, { onMessage, isAway: false, kept: [] }) },
} })`,
)

interface Member {
  readonly kit: Kit
  readonly remember: string
  readonly machine: Machine
}

async function join(t: Parameters<typeof open>[0]): Promise<Member> {
  const remember = fresh()
  const kit = await open(t, `joined.mjs remember=${remember}`)
  const machine = machines.get(remember)
  if (machine === undefined) throw new Error('it has not joined')
  t.teardown(() => machines.delete(remember))
  return { kit, remember, machine }
}

/** Two machines, of which the second is cut off between `leave` and `comeBack`. */
async function fleet(t: Parameters<typeof open>[0]) {
  const [one, two] = [await join(t), await join(t)]
  return {
    one,
    two,
    leave: () => {
      for (const { machine } of [one, two]) machine.isAway = true
    },
    /** Each reads what the other has told meanwhile, all of it in one turn. */
    comeBack: async () => {
      const told = [one, two].map(({ machine }) => machine.kept.splice(0))
      for (const { machine } of [one, two]) machine.isAway = false
      for (const message of told[0] ?? []) two.machine.onMessage(message)
      for (const message of told[1] ?? []) one.machine.onMessage(message)
      for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setImmediate(resolve))
    },
  }
}

const questionOf = async ({ kit }: Member) => (await until(kit, all => all.length === 1))[0]?.id ?? ''
const answerIn = ({ kit }: Member, id: string, given: object = {}) =>
  approvalsOf(kit).answer(id, { ...BY_ME, ...given })
const revoke = ({ kit }: Member) => approvalsOf(kit).withdraw('all', 'everything', 'me')

test('an acceptance that comes after its question was answered and revoked answers no later question', async t => {
  const { one, two, leave, comeBack } = await fleet(t)
  const first = await one.kit.park({ host, chain })
  const id = await questionOf(two)
  leave()
  t.match(await answerIn(one, id), { id })
  t.match(first.outcome, ACCEPTED)
  t.equal(await revoke(one), 1)
  t.match(await answerIn(two, id), { id }, 'a person who does not know of the revocation')
  const again = await one.kit.park({ host, chain })
  const later = await questionOf(one)
  t.not(later, id)
  await comeBack()
  t.equal(again.outcome, undefined, 'it waits on')
  t.match(await approvalsOf(one.kit).list(), [{ id: later, waiting: 1 }])
  t.strictSame(await approvalsOf(two.kit).given(), [], 'the other machine has learnt of the revocation')
  const restarted = await open(t, `joined.mjs remember=${one.remember}`)
  t.match(await approvalsOf(restarted).list(), [{ id: later }])
  t.match(await answerIn(one, later), { id: later })
  t.match(again.outcome, ACCEPTED)
  await poll(async () => (await approvalsOf(two.kit).given()).length === 1, 'the answer on the other machine')
})

for (const verdict of ['accept', 'reject'] as const)
  test(`an answer whose time is over when it comes answers nothing: ${verdict}`, async t => {
    const { one, two, leave, comeBack } = await fleet(t)
    const held = await one.kit.park({ host, chain })
    const id = await questionOf(two)
    leave()
    t.match(await answerIn(two, id, { verdict, duration: 1000 }), { id })
    await new Promise(resolve => setTimeout(resolve, 1010))
    await comeBack()
    t.equal(held.outcome, undefined, 'it waits on')
    const next = await questionOf(one)
    t.not(next, id, 'the answer to the first has counted')
    t.match(await approvalsOf(one.kit).list(), [{ waiting: 1 }])
    t.equal(await questionOf(two), next, 'and the other machine asks the same')
    one.kit.close()
    const restarted = await open(t, `joined.mjs remember=${one.remember}`)
    t.match(await approvalsOf(restarted).list(), [{ id: next }])
    t.match(await answerIn(two, next), { id: next })
    await poll(async () => (await approvalsOf(restarted).given()).length === 1, 'the answer')
    t.match((await restarted.park({ host, chain })).outcome, ACCEPTED)
  })

test('a question is found by the id it had before an answer came too late', async t => {
  const { one, two, leave, comeBack } = await fleet(t)
  const held = await one.kit.park({ host, chain })
  const id = await questionOf(two)
  leave()
  await answerIn(two, id, { duration: 1000 })
  await new Promise(resolve => setTimeout(resolve, 1010))
  await comeBack()
  t.equal(held.outcome, undefined)
  t.match(await answerIn(one, id), { host }, 'as a link has it')
  t.match(held.outcome, ACCEPTED)
})

test('an acceptance that comes together with its withdrawal answers nothing that waits', async t => {
  const { one, two, leave, comeBack } = await fleet(t)
  const [here, there] = [await one.kit.park({ host, chain }), await two.kit.park({ host, chain })]
  const id = await questionOf(one)
  leave()
  await answerIn(one, id)
  t.match(here.outcome, ACCEPTED)
  await revoke(one)
  await comeBack()
  t.equal(there.outcome, undefined)
  await answerIn(two, await questionOf(two), { verdict: 'reject' })
  t.match(there.outcome, { kind: 'rejected' })
})

test('an answer that counts is one for what waits on the other machine', async t => {
  const { one, two, leave, comeBack } = await fleet(t)
  const both = [await one.kit.park({ host, chain }), await two.kit.park({ host, chain })]
  const id = await questionOf(one)
  leave()
  await answerIn(one, id)
  await comeBack()
  for (const handshake of both) t.match(handshake.outcome, ACCEPTED)
  for (const { kit } of [one, two]) t.strictSame(await approvalsOf(kit).list(), [])
})
