/** What the page and `ctl status` say of the Redis of a fleet. */
import { test } from 'tap'
import { axeFindings, openBrowser, openPage, problems } from '../kit/browser.js'
import { HOST, managed } from '../kit/managed.js'
import { makeKey, startRedis } from '../kit/stores.js'
import { poll } from '../kit/watch.js'

test('a Redis that is away is seen, with what waits for it, and so is its return', async t => {
  const redis = await startRedis()
  t.teardown(redis.stop)
  const { proxy, ctl } = await managed(t, ['desk.mjs one'], undefined, {
    files: { 'cluster.keys': makeKey() },
    records: { 'proxy.config.admin.listen': '127.0.0.1:0', 'proxy.config.cluster.redis_url': redis.url },
  })
  const fleet = async () => JSON.parse((await ctl('status', '--json')).out).fleet
  const connected = await poll(async () => {
    const found = await fleet()
    return found.isConnected === true && found
  }, 'a connection to Redis')
  t.match(connected, { since: Number, waiting: 0 })
  t.match((await ctl('status')).out, /^fleet +Redis answers$/m)

  const browser = await openBrowser(t)
  const page = await openPage(browser, (await ctl('dashboard')).out.trim())
  await page.getByRole('link', { name: 'Health' }).click()
  const row = page
    .getByRole('region', { name: 'Redis of the fleet' })
    .getByRole('row', { name: '✓ connected' })
  t.match(await row.innerText(), new RegExp(`^${proxy.child.pid}\\s`))
  await page.getByText('Nothing is wrong').waitFor()

  redis.fallSilent(true)
  await proxy.until(/WARNING: Redis of the fleet does not answer/)
  await ctl('revoke', HOST)
  t.match(await fleet(), { isConnected: false, lastError: /./, lastErrorAt: Number, waiting: 1 })
  t.ok((await fleet()).since > connected.since)
  t.match(
    (await ctl('status')).out,
    new RegExp(
      `^fleet +pid ${proxy.child.pid} goes on alone: Redis does not answer since .*; 1 entry to send$`,
      'm',
    ),
  )
  await page
    .getByText(/does not answer process \d+, since .*: it goes on alone, and one entry waits/)
    .waitFor()
  await page.getByRole('row', { name: '⚠ away' }).waitFor()
  t.strictSame(await axeFindings(page), [])

  redis.fallSilent(false)
  await page.getByText('Nothing is wrong').waitFor()
  await row.waitFor()
  t.match(await fleet(), { isConnected: true, waiting: 0, lastError: /./ })
  t.strictSame(problems(page), [])
})
