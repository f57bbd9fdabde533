/** approval.js in workers that die while people are asked. */
import { readFileSync } from 'node:fs'
import { test } from 'tap'
import type { Kit } from '../../core/testing/kit.js'
import { SLOWLY } from '../core/plugin-host/isolate/thread-kit.js'
import { dir, open } from '../core/testing/plugins.js'
import { poll } from '../kit/watch.js'
import { approvalsOf, BY_ME, chain, fresh, park, until } from './approval-kit.js'
import { ACCEPTED } from './kit.js'

const APPROVAL = new URL('../../plugins/approval.js', import.meta.url).href

dir.file(
  'mortal.mjs',
  `import approval, { optionsSchema } from '${APPROVAL}'
export { optionsSchema }
export default async context => {
  const hosts = new Set()
  await approval({ ...context, hookAdd: (id, continuation) => context.hookAdd(id, event => {
    hosts.add(event.host)
    return continuation(event)
  }) })
  context.hookAdd('TS_LIFECYCLE_MSG_HOOK', ({ data }) => { if (data === 'all' || hosts.has(data)) process.exit(1) })
  context.note('loaded')
}`,
)

const loads = (kit: Kit): number => kit.log.filter(line => line.includes('] loaded')).length

/** Ends the workers that were asked about the host. */
const kill = (kit: Kit, host: string): Promise<void> =>
  kit.tell('TS_LIFECYCLE_MSG_HOOK', { tag: 'die', data: host })

/** The same, and others have taken their place. */
async function replace(kit: Kit, host: string): Promise<void> {
  const before = loads(kit)
  await kill(kit, host)
  await poll(() => loads(kit) > before, 'another worker')
}

test('a worker that dies takes its handshakes with it, and no question', async t => {
  const remember = fresh()
  const kit = await open(t, `mortal.mjs @isolate=worker remember=${remember}`, { records: SLOWLY })
  const held = [await park(kit, { host: 'a.example', chain }), await park(kit, { host: 'b.example', chain })]
  const before = (await approvalsOf(kit).list()).map(({ id }) => id)
  t.equal(before.length, 2)
  await replace(kit, 'a.example')
  const isLost = (handshake: (typeof held)[number]): boolean => handshake.outcome !== undefined
  const [a, b] = held
  t.match(a?.outcome, {
    by: 'plugin-failed',
    plugin: 'mortal',
    detail: /its worker was lost/,
  })
  t.strictSame(
    (await approvalsOf(kit).list()).map(({ id, waiting }) => [id, waiting]),
    held.map((handshake, i) => [before[i], isLost(handshake) ? 0 : 1]),
    'both are open, under their ids',
  )
  for (const id of before) t.match(await approvalsOf(kit).answer(id, BY_ME), { id })
  if (b?.outcome?.by !== 'plugin-failed') t.match(await b?.ended(), ACCEPTED)
  await replace(kit, 'all')
  await poll(() => loads(kit) >= 5, 'five workers')
  for (const host of ['a.example', 'b.example'])
    for (let i = 0; i < 2; i++)
      t.match(
        await (await park(kit, { host, chain })).ended(),
        ACCEPTED,
        'workers that never saw the question',
      )
  t.equal(await approvalsOf(kit).withdraw({ host: 'a.example' }, 'host a.example', 'me'), 1)
  const again = [await park(kit, { host: 'a.example', chain }), await park(kit, { host: 'a.example', chain })]
  t.strictSame(
    again.map(({ outcome }) => outcome),
    [undefined, undefined],
    'withdrawn in all',
  )
  await until(kit, ([question]) => question?.waiting === 2)
  const did = readFileSync(remember, 'utf8')
    .split('\n')
    .filter(line => line.includes('"withdrew"'))
  t.equal(did.length, 1, 'and written down once')
})

test('an answer that comes while one of the workers is loaded reaches it', async t => {
  const kit = await open(t, `mortal.mjs @isolate=worker remember=${fresh()}`, { records: SLOWLY })
  const held = await park(kit, { host: 'a.example', chain })
  const [question] = await approvalsOf(kit).list()
  const before = loads(kit)
  await kill(kit, 'a.example')
  await poll(
    () =>
      approvalsOf(kit)
        .answer(question?.id ?? '', BY_ME)
        .catch(() => undefined),
    'an answer that is taken',
  )
  await poll(() => loads(kit) > before, 'another worker')
  for (let i = 0; i < 4; i++) t.match(await (await park(kit, { host: 'a.example', chain })).ended(), ACCEPTED)
  t.ok(held.outcome)
})
