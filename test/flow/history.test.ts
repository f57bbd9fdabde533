/** The history of verdicts, as operators read it. */
import { test } from 'tap'
import type { HistoryRow } from '../../core/admin/held-api.js'
import { listOf } from '../../core/cli/ctl-client.js'
import { get } from '../kit/client.js'
import { holding } from '../kit/holding.js'
import { HOST } from '../kit/managed.js'

test('a resumed session is a row of its own', async t => {
  const records = {
    'proxy.config.ssl.origin_session_cache': 1,
    'proxy.config.ssl.origin_session_cache.reverify_on_resume': 0,
    'proxy.config.http.origin_max_idle': 0,
  } as const
  const all = await holding(t, ['desk.mjs one'], { records })
  for (let i = 0; i < 3; i++) t.equal((await all.ask()).status, 200)
  const rows = await listOf<HistoryRow>(all.send, '/v1/history', 'history')
  const facts = { result: 'accepted', by: 'plugins', host: HOST, client: '127.0.0.1' }
  t.match(rows, [
    { ...facts, resumed: true, times: 2, leaf: { subject: `/CN=${HOST}` } },
    { ...facts, resumed: false, times: 1, plugin: 'desk' },
  ])
  t.equal(rows.length, 2)
  t.match((await all.ctl('history')).out, /accepted managed\.test:\d+ by plugins, session resumed, 2 times/)
})

test('the history comes in pages, and is searched', async t => {
  const all = await holding(t, ['desk.mjs one'])
  await all.ask()
  const url = `https://nobody.test:${all.origin.httpsPort}/`
  await get(all.proxy.port, url, [], 60_000)
  await all.ctl('revoke', '--all')
  await all.ask()
  const page = (query: string) =>
    all.send<{ history: readonly HistoryRow[]; next: string | null }>('GET', `/v1/history?${query}`)
  const { history } = await page('')
  t.match(history, [{ result: 'accepted', host: HOST, times: 2, by: 'plugins', plugin: 'desk' }])
  t.match(await page('search=managed&result=rejected'), { history: [], next: null })
  t.match(await page('search=127.0.0.1').then(found => found.history.length), history.length)
  await t.rejects(page('cursor=bogus'), { code: 'PTC_ADMIN_REQUEST', message: /send the `next`/ })
  await t.rejects(page('limit=0'))
})
