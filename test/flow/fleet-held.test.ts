/**
 * Handshakes that wait on one machine of a fleet, as the people of another one see them. The machines are in this process, but for
 * one that has several processes.
 */
import { type Test, test } from 'tap'
import { PLACES } from '../kit/approving.js'
import { axeFindings, openBrowser, openPage, problems } from '../kit/browser.js'
import { get } from '../kit/client.js'
import { machineHere } from '../kit/machine.js'
import { CONNECTION, HOST, issued, type Managed, managed } from '../kit/managed.js'
import { nginxOrigin } from '../kit/nginx-origin.js'
import type { ProxyConf, RunningProxy } from '../kit/proxy.js'
import { makeKey, startRedis } from '../kit/stores.js'
import { poll } from '../kit/watch.js'

type Machine = Managed<RunningProxy>

/** @param processes how many the first machine has */
async function fleet(t: Test, place = '', more: ProxyConf['records'] = {}, processes = 1) {
  const redis = await startRedis()
  t.teardown(redis.stop)
  const origin = await nginxOrigin({ ...issued, server: CONNECTION })
  t.teardown(origin.stop)
  const records = { 'proxy.config.cluster.redis_url': redis.url, ...more }
  const conf = { files: { 'cluster.keys': makeKey() }, records }
  const plugins = [`approval.js ${place}`]
  const several = { ...conf, records: { ...records, 'proxy.config.exec_thread.limit': processes } }
  const one: Machine =
    processes === 1 ? await machineHere(t, plugins, conf) : await managed(t, plugins, undefined, several)
  const two: Machine = await machineHere(t, plugins, conf)
  const json = async ({ ctl }: Machine, command: string) => JSON.parse((await ctl(command, '--json')).out)
  return {
    one,
    two,
    origin: `${HOST}:${origin.httpsPort}`,
    ask: async ({ proxy }: Machine) =>
      (await get(proxy.port, `https://${HOST}:${origin.httpsPort}/`, [], 60_000)).status,
    held: (machine: Machine) => json(machine, 'parked'),
    /** The one question, once it is so. */
    question: (machine: Machine, isSo: (question: { waiting: number; elsewhere?: unknown[] }) => boolean) =>
      poll(async () => {
        const [question] = (await json(machine, 'approvals')).approvals
        return question !== undefined && isSo(question) && question
      }, 'the question'),
  }
}

for (const place of PLACES)
  test(`what waits for one question on two machines is seen and answered on either ${place}`, async t => {
    const { one, two, origin, ask, held, question } = await fleet(t, place)
    const first = ask(one)
    const { id } = await question(one, ({ waiting }) => waiting === 1)
    await question(two, ({ waiting, elsewhere = [] }) => waiting === 0 && elsewhere.length === 1)
    t.match(await held(two), {
      parked: [],
      elsewhere: [{ question: id, host: HOST, plugin: 'approval', machine: /./, waiting: 1 }],
    })
    t.match(
      (await two.ctl('parked')).out,
      new RegExp(`${id} +${origin} +approval on \\S+ +1 +\\d+\\.\\d s +127`),
    )
    t.match((await two.ctl('approvals')).out, new RegExp(`${id} .* 0, 1 on \\S+ `))

    const second = ask(two)
    const joined = await question(two, ({ waiting }) => waiting === 1)
    t.equal(joined.id, id, 'one question')
    t.match((await held(two)).parked, [
      { host: HOST, plugin: 'approval', question: id, accepting: 'question' },
    ])
    await question(one, ({ elsewhere = [] }) => elsewhere.length === 1)
    t.match(await held(one), {
      parked: [{ question: id }],
      elsewhere: [{ question: id, waiting: 1, clients: [/^127/] }],
    })
    const { out, code } = await one.ctl('accept', id)
    t.equal(code, 0)
    t.match(
      out,
      /handshakes that waited for it: 1\nhandshakes that waited for it in another proxy: 1 on \S+\n/,
    )
    t.strictSame(await Promise.all([first, second]), [200, 200])
    for (const machine of [one, two]) t.match(await held(machine), { parked: [], elsewhere: [] })
  })

test('a client that leaves, and one that is sent away, wait no more on the other machine either', async t => {
  const { one, two, ask, question } = await fleet(t, 'signal_after=3s')
  const sent = ask(one)
  await question(two, ({ elsewhere = [] }) => elsewhere.length === 1)
  t.equal(await sent, 503)
  await question(two, ({ elsewhere }) => elsewhere === undefined)
  const { id } = await question(one, ({ waiting }) => waiting === 0)
  t.match(await two.ctl('reject', id), { code: 0 })
  await poll(async () => (await ask(one)) === 502, 'the rejection on the machine that has asked')
})

test('several processes of a machine are one, as others see it', async t => {
  const { one, two, ask, held, question } = await fleet(t, '', {}, 2)
  const asked = [ask(one), ask(one)]
  const { id } = await question(one, ({ waiting }) => waiting === 2)
  const seen = await poll(async () => {
    const { elsewhere } = await held(two)
    return elsewhere[0]?.waiting === 2 && elsewhere
  }, 'both on the other machine')
  t.equal(seen.length, 1)
  t.notOk((await held(one)).elsewhere.length, 'a process is no other machine')
  t.match(await two.ctl('accept', id), { code: 0 })
  t.strictSame(await Promise.all(asked), [200, 200])
})

test('the page shows what another machine holds, and a person answers it here', async t => {
  const { one, two, ask, question } = await fleet(t, '', { 'proxy.config.admin.listen': '127.0.0.1:0' })
  const waits = ask(one)
  await question(two, ({ elsewhere = [] }) => elsewhere.length === 1)
  const browser = await openBrowser(t)
  const page = await openPage(browser, (await two.ctl('dashboard')).out.trim())
  await page.getByText(/^Held on .*: an answer here counts there\.$/).waitFor()
  await page.getByText(/^0 handshakes here, 1 on .*, asked/).waitFor()
  t.strictSame(await axeFindings(page), [])
  await page.getByRole('button', { name: 'Accept', exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText(/One handshake that waits gets this answer now/).waitFor()
  await dialog.getByRole('button', { name: 'Accept', exact: true }).click()
  t.equal(await waits, 200)
  t.strictSame(problems(page), [])
})
