/** The plugin policy, and certificates that do not let themselves be read. */
import { type Test, test } from 'tap'
import { makeChain, type Outcome } from '../../core/testing/kit.js'
import { atEnd } from '../kit/at-end.js'
import { withUnreadableDates } from '../kit/carrying.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { ACCEPTED, openPlugins, rejected } from './kit.js'

const dir = makeTempDir()
const BLOCKED = rejected('policy', 'policy')
const yesterday = new Date(Date.now() - 24 * 3_600_000)

let files = 0

async function ask(t: Test, rules: string, { chain }: { readonly chain: string }): Promise<Outcome> {
  const file = dir.file(`policy-${++files}.yaml`, `rules:\n${rules}\n`)
  const kit = await openPlugins(t, `policy file=${file}`)
  return await (await kit.park({ host: 'a.example', chain })).ended()
}

test('what a certificate shows and cannot be read meets a block, and nothing else', async t => {
  const odd = await makeChain({ names: ['a.example'] })
  const chain = withUnreadableDates(odd)
  for (const key of ['age: "<1h"', 'age: ">1h"', 'remaining: "<1h"', 'validity: ">1d"']) {
    t.match(await ask(t, `- {action: block, ${key}}`, { chain }), BLOCKED, key)
    t.match(await ask(t, `- {action: allow, ${key}}\n- {action: block}`, { chain }), BLOCKED, key)
    t.match(await ask(t, `- {action: require, ${key}}`, { chain }), BLOCKED, key)
  }
  t.strictSame(
    await ask(t, '- {action: block, age: "<1h"}', {
      chain: await makeChain({ names: ['a.example'], notBefore: yesterday }),
    }),
    ACCEPTED,
  )
})

atEnd(() => dir.remove())
