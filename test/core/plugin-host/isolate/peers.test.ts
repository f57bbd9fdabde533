/** The workers of a plugin tell one another, as processes do. */
import { test } from 'tap'
import { dir, open } from '../../testing/plugins.js'
import { SLOWLY } from './thread-kit.js'

dir.file(
  'telling.mjs',
  `import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
export default async ({ hookAdd, peers, note, state }) => {
  const began = await state.increment('inits')
  note('loads ' + began)
  while (began > 2 && !existsSync(new URL('./release', import.meta.url))) await sleep(10)
  peers.onMessage(message => { note('heard ' + message); if (message === 'bad.example') throw new Error('no') })
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', async ({ host, reenable, accept }) => {
    if (host === 'exit.example') process.exit(1)
    if (host === 'large.example') note(await peers.send('x'.repeat(262143)).catch(error => error.code))
    else await peers.send(host).then(() => note('told ' + host))
    reenable()
  })
}`,
)

test('a worker tells the others, and knows when they have heard', async t => {
  const kit = await open(t, 'telling.mjs @isolate=worker', { records: SLOWLY })
  await (await kit.park({ host: 'a.example' })).ended()
  await kit.logged(/told a\.example/)
  t.strictSame(
    kit.log.filter(line => /a\.example/.test(line)),
    ['NOTE [telling] heard a.example', 'NOTE [telling] told a.example'],
    'the other one, before',
  )
  t.match(await (await kit.park({ host: 'bad.example' })).ended(), { kind: 'accepted' })
  await kit.logged(/ERROR \[telling] message listener failed: no/)
  await (await kit.park({ host: 'large.example' })).ended()
  await kit.logged(/PTC_PLUGIN_CALL/)
})

test('a worker that takes the place of another is told what it has missed, before it is asked', async t => {
  const kit = await open(t, 'telling.mjs @isolate=worker', { records: SLOWLY })
  t.match(await (await kit.park({ host: 'exit.example' })).ended(), { by: 'plugin-failed' })
  await kit.logged(/loads 3/)
  await (await kit.park({ host: 'meanwhile.example' })).ended()
  await kit.logged(/told meanwhile\.example/)
  t.notMatch(kit.log.join(), /heard meanwhile/, 'it is still loading, and not waited for')
  dir.file('release', '')
  await kit.logged(/heard meanwhile\.example/)
})
