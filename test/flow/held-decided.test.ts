/** What operators do with held handshakes: accept, give more time; and what is kept of verdicts. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import type { HistoryRow, ParkedDetail } from '../../core/admin/held-api.js'
import { listOf, sendTo } from '../../core/cli/ctl-client.js'
import { approving } from '../kit/approving.js'
import { get } from '../kit/client.js'
import { heldOf, holding } from '../kit/holding.js'
import { HOST, issued, type Managed, managedHere } from '../kit/managed.js'
import { opensslOrigin } from '../kit/openssl-origin.js'
import { makeAuthority } from '../kit/pki.js'
import type { RunningProxy } from '../kit/proxy.js'

const MAY = { 'proxy.config.admin.may_accept': 1 } as const
const stranger = await makeAuthority({ name: 'Stranger' })

/** Holds every handshake, and those with incomplete chains first. */
const COMPLETER = `
export default ({ hookAdd, note }) =>
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', () => note('a completer holds it'), { sees: 'incomplete' })
`

const auditOf = ({ proxy }: Pick<Managed<RunningProxy>, 'proxy'>) =>
  readFileSync(join(proxy.conf.path, 'audit.log'), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))

test('where operators may not overrule, a handshake is only accepted by its plugin', async t => {
  const all = await holding(t, ['desk.mjs one waits'])
  const asked = all.ask()
  const { id, accepting, client, address, builtIn, leaf } = await heldOf(all.socket)
  t.match({ accepting, client, builtIn }, { accepting: 'none', client: '127.0.0.1', builtIn: 'X509_V_OK' })
  t.equal(address, `127.0.0.1:${all.origin.httpsPort}`)
  t.match(leaf, { subject: `/CN=${HOST}`, issuer: '/CN=Root', notBefore: Number, notAfter: Number })
  t.match(await all.ctl('accept', `${id}`), {
    code: 1,
    err: /PTC_ADMIN_OVERRULE: plugin desk holds the handshake with managed\.test, and proxy\.config\.admin\.may_accept is 0/,
  })
  t.match(await heldOf(all.socket), { id }, 'it is still held')
  const [intent, outcome] = auditOf(all)
  t.match(intent, {
    did: 'POST /v1/parked/:id/accept',
    by: 'socket',
    who: /./,
    about: {
      host: HOST,
      port: all.origin.httpsPort,
      plugin: 'desk',
      client: '127.0.0.1',
      sha256: leaf?.sha256,
    },
  })
  t.match(outcome, { id: intent.id, status: 403 })
  await all.ctl('reject', `${id}`)
  t.equal((await asked).status, 502)
})

test('an operator accepts in place of one plugin; the next is asked', async t => {
  const lines = ['desk.mjs one waits', 'desk.mjs two waits']
  const all = await holding(t, lines, { records: MAY })
  const asked = all.ask()
  const first = await heldOf(all.socket)
  t.match(first, { accepting: 'operator', accepted: [] })
  const other = { sha256: '0'.repeat(64) }
  await t.rejects(all.send('POST', `/v1/parked/${first.id}/accept`, other), {
    message: /another certificate/,
  })
  t.match(
    (await all.ctl('accept', `${first.id}`, '--why', 'by phone')).out,
    /in place of its plugin, this once/,
  )
  const second = await heldOf(all.socket, row => row.accepted.length === 1)
  t.match(second, { id: first.id, accepted: ['desk'] })
  await all.ctl('plugin', 'msg', 'accept')
  t.equal((await asked).status, 200)
  t.match(all.proxy.output(), /reenabled the handshake with managed\.test when nobody waited any more/)
  t.match(all.proxy.output(), /NOTE: .* accepts the handshake with managed\.test in place of plugin desk/)
  const history = await listOf<HistoryRow>(all.send, '/v1/history', 'history')
  const facts = { result: 'accepted', by: 'operator', plugin: 'desk', host: HOST, question: null }
  t.match(history, [{ ...facts, why: 'by phone', who: /./, times: 1, client: '127.0.0.1' }])
  t.equal(history.length, 1, 'the acceptance and its handshake are one row')
  t.match(await listOf(all.send, '/v1/history?search=BY%20PHONE', 'history'), history)

  const again = all.ask()
  const { id } = await heldOf(all.socket)
  t.not(id, first.id, 'the acceptance was for that handshake')
  await all.ctl('reject', `${id}`)
  t.equal((await again).status, 502)
  t.match(await all.ctl('accept', `${id}`), { code: 1, err: /no handshake with id/ })
})

test('an acceptance of an operator holds for a handshake without a connection', async t => {
  const origin = await opensslOrigin({ ...issued })
  t.teardown(origin.stop)
  const records = { ...MAY, 'proxy.config.ssl.client.verify.release_after': 1 }
  const all = await managedHere(t, ['desk.mjs one waits'], undefined, { records })
  const asked = get(all.proxy.port, `https://${HOST}:${origin.port}/`, [], 60_000)
  const { id } = await heldOf(all.socket, row => row.connection === 'released')
  t.match(await all.ctl('accept', `${id}`), { code: 0 })
  t.equal((await asked).status, 200)
  t.equal([...all.proxy.output().matchAll(/asked about/g)].length, 1, 'the plugin is not asked again')
})

test('an operator accepts nothing that the built-in check refuses', async t => {
  const conf = { modules: { 'completer.mjs': COMPLETER }, records: MAY }
  const unknown = await stranger.issue({ cn: HOST })
  const all = await holding(t, ['completer.mjs'], conf, unknown)
  const asked = all.ask()
  const { id, builtIn, accepting } = await heldOf(all.socket)
  t.match({ builtIn, accepting }, { builtIn: /UNABLE_TO_GET_ISSUER/, accepting: 'operator' })
  t.match(await all.ctl('accept', `${id}`), { code: 0 })
  const { status, body } = await asked
  t.equal(status, 502, 'override is 0: the check still binds')
  t.match(body.toString(), /built-in check/)
  const [row] = await listOf<HistoryRow>(all.send, '/v1/history?result=rejected', 'history')
  t.match(row, {
    by: 'built-in',
    host: HOST,
    code: 20,
    command: `portcullis try ${HOST}:${all.origin.httpsPort}`,
  })
})

test('what a plugin may overrule, an operator may in its place', async t => {
  const records = { ...MAY, 'proxy.config.ssl.client.verify.server.override': 1 } as const
  const all = await holding(t, ['desk.mjs one waits'], { records }, await stranger.issue({ cn: HOST }))
  const asked = all.ask()
  const { id } = await heldOf(all.socket)
  t.match(await all.ctl('accept', `${id}`), { code: 0 })
  t.equal((await asked).status, 200)
})

test('an operator gives a plugin more time', async t => {
  const extended = async (line: string, ms: number) => {
    const records = { ...MAY, 'proxy.config.ssl.client.verify.deadline': ms }
    const all = await holding(t, [line], { records })
    const asked = all.ask()
    const { id, deadline } = await heldOf(all.socket)
    t.match(await all.ctl('extend', `${id}`, '2h'), { code: 1, err: /for 60 minutes in all|must be <= / })
    t.match(await all.ctl('extend', `${id}`, '1m'), { code: 0, out: /handshake \d+ may be held for / })
    const later = await heldOf(all.socket)
    t.ok(Math.abs(later.deadline - deadline - 60_000) < 1000, `${later.deadline - deadline} ms`)
    await sleep(Math.max(0, deadline - Date.now()) + 1500)
    t.match(await heldOf(all.socket), { id }, 'it is held behind its old deadline')
    await all.ctl('plugin', 'msg', 'accept')
    t.equal((await asked).status, 200, line)
    t.match(await all.ctl('extend', `${id}`, '1m'), { code: 1, err: /no handshake with id/ })
  }
  await Promise.all([
    extended('desk.mjs one waits', 6000),
    extended('desk.mjs @deadline=6000 one waits', 60_000),
  ])
})

test('accepting a handshake that approval.js holds answers its question', async t => {
  const { ask, waiting, socket, ctl, ...all } = await approving(t, 'approval.js')
  const asked = ask()
  const question = await waiting()
  const { id, accepting, question: named } = await heldOf(socket)
  t.match({ accepting, named }, { accepting: 'question', named: question.id })
  const detail = await sendTo(socket)<ParkedDetail>('GET', `/v1/parked/${id}`)
  t.match(detail, {
    chain: [{ subject: `/CN=${HOST}`, pem: /^-----BEGIN CERTIFICATE-----/ }],
    checks: { signature: 'X509_V_OK', name: 'X509_V_OK', rule: null },
    request: { method: /CONNECT|GET/, url: new RegExp(HOST) },
  })
  t.match(await ctl('accept', `${id}`, '--why', 'the registry'), { code: 0, out: new RegExp(question.id) })
  t.match((await asked).stdout, /^HTTP\/1\.1 200 /)
  t.match((await ask()).stdout, /^HTTP\/1\.1 200 /, 'the answer is remembered')
  const history = () => listOf<HistoryRow>(sendTo(socket), '/v1/history', 'history')
  const answered = {
    by: 'person',
    host: HOST,
    plugin: 'approval',
    client: '127.0.0.1',
    question: question.id,
  }
  const rows = await history()
  t.match(rows, [{ ...answered, result: 'accepted', why: 'the registry', held: Number }])
  t.equal(rows.length, 1, 'the answer, and all handshakes that it decides, are one row')
  t.ok((rows[0]?.held ?? 0) > 0)
  t.match(await listOf(sendTo(socket), '/v1/history?search=registry', 'history'), rows)
  t.match(
    (await ctl('history')).out,
    /accepted managed\.test:\d+ by person approval.*\n {2}\S+: the registry/,
  )
  t.ok(all.proxy.port)

  await ctl('revoke', HOST)
  const refused = ask()
  const { id: next } = await waiting()
  t.match(await ctl('reject', next, '--why', 'not ours'), { code: 0 })
  t.match((await refused).stdout, /^HTTP\/1\.1 502 /)
  t.match(await history(), [
    { ...answered, result: 'rejected', question: next, why: 'not ours', detail: /not ours/, times: 1 },
    { result: 'accepted', question: question.id },
  ])
  t.equal((await history()).length, 2)
})

test('what cannot be written down is not accepted', async t => {
  const all = await holding(t, ['desk.mjs one waits'], { records: MAY })
  mkdirSync(join(all.proxy.conf.path, 'audit.log'))
  const asked = all.ask()
  const { id } = await heldOf(all.socket)
  t.match(await all.ctl('accept', `${id}`), { code: 1, err: /PTC_ADMIN_AUDIT: .*EISDIR/ })
  t.match(await heldOf(all.socket), { id }, 'it is still held')
  t.match(await all.ctl('reject', `${id}`), { code: 0 }, 'a rejection needs no disk')
  t.equal((await asked).status, 502)
  t.match(all.proxy.output(), /ERROR: .*audit_file/)
})

test('a plugin that never says what is open keeps no operator from a list, or from a rejection', async t => {
  const silent = `
export default ({ hookAdd, manage }) => {
  const never = () => new Promise(() => {})
  manage('approvals', { list: never, answer: never, withdraw: async () => 0 })
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', () => {})
}`
  const all = await holding(t, ['silent.mjs'], { modules: { 'silent.mjs': silent }, records: MAY })
  const asked = all.ask()
  const { id, accepting } = await heldOf(all.socket)
  t.equal(accepting, 'none', 'whether it is a question is not known')
  t.match(await all.ctl('reject', `${id}`), { code: 0 })
  t.equal((await asked).status, 502)
})
