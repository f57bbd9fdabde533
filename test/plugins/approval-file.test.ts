/** The file of approval.js: what outlives a reload and a restart, and the order in which answers count. */
import { writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { test } from 'tap'
import { makeChain } from '../../core/testing/kit.js'
import { withUnreadableDates } from '../kit/carrying.js'
import { answer, approvalsOf, BY_ME, chain, fresh, HOST as host } from './approval-kit.js'
import { ACCEPTED, openPlugins } from './kit.js'

const other = await makeChain({ names: [host, 'other.example'] }, { subject: '/CN=Issuer' })

test('questions and answers survive a restart, withdrawals too', async t => {
  const remember = fresh()
  const before = await openPlugins(t, `approval remember=${remember}`)
  await before.park({ host, chain })
  await before.park({ host: 'open.example', chain })
  const [first, open] = await approvalsOf(before).list()
  await approvalsOf(before).answer(first?.id ?? '', BY_ME)
  before.close()
  const after = await openPlugins(t, `approval remember=${remember}`)
  t.match(await approvalsOf(after).list(), [{ id: open?.id, host: 'open.example', waiting: 0 }])
  t.match((await after.park({ host, chain })).outcome, ACCEPTED)
  t.equal(await approvalsOf(after).withdraw({ certificate: '00' }, 'another one', 'me'), 0)
  const leaf = { certificate: first?.sha256 ?? '' }
  t.equal(await approvalsOf(after).withdraw(leaf, `certificate ${leaf.certificate}`, 'me'), 1)
  t.equal((await after.park({ host, chain })).outcome, undefined)
  after.close()
  const last = await openPlugins(t, `approval remember=${remember}`)
  t.equal((await last.park({ host, chain })).outcome, undefined, 'it stays withdrawn')
})

test('behind a rejection that is taken back there is a question, also about what was accepted before', async t => {
  const remember = fresh()
  const kit = await openPlugins(t, `approval remember=${remember}`)
  await kit.park({ host, chain })
  await kit.park({ host: 'other.example', chain: other })
  for (const { id } of await approvalsOf(kit).list()) await approvalsOf(kit).answer(id, BY_ME)
  await kit.park({ host, chain: other })
  const [{ id = '' } = {}] = await approvalsOf(kit).list()
  await approvalsOf(kit).answer(id, { ...BY_ME, verdict: 'reject', scope: 'host' })
  t.match((await kit.park({ host, chain })).outcome, { kind: 'rejected' })
  t.match(await approvalsOf(kit).takeBack?.(id, 'me'), { id, verdict: 'reject' })
  t.equal((await kit.park({ host, chain })).outcome, undefined, 'the certificate that was accepted first')
  t.match((await kit.park({ host: 'other.example', chain: other })).outcome, ACCEPTED, 'another host')
  kit.close()
  const after = await openPlugins(t, `approval remember=${remember}`)
  t.equal((await after.park({ host, chain })).outcome, undefined, 'also behind a restart')
})

test('a question about a certificate with unreadable dates survives a restart', async t => {
  const remember = fresh()
  const before = await openPlugins(t, `approval remember=${remember}`)
  await before.park({
    host,
    chain: withUnreadableDates(chain),
    builtIn: 'X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD',
  })
  const [question] = await approvalsOf(before).list()
  t.match(question, { notBefore: null, notAfter: null })
  before.close()
  const after = await openPlugins(t, `approval remember=${remember}`)
  t.match(await approvalsOf(after).list(), [{ id: question?.id, notBefore: null }])
})

test('a reload keeps handshakes that are held', async t => {
  const remember = fresh()
  const old = await openPlugins(t, `approval remember=${remember}`)
  const held = await old.park({ host, chain })
  const now = await openPlugins(t, `approval remember=${remember}`)
  await answer(now)
  t.match(await held.ended(), ACCEPTED)
})

test('the first answer counts, and a withdrawal reaches answers before it', async t => {
  const kit = await openPlugins(t, `approval remember=${fresh()}`)
  const held = await kit.park({ host, chain })
  const { id = '' } = (await approvalsOf(kit).list())[0] ?? {}
  const both = [
    approvalsOf(kit).answer(id, BY_ME),
    approvalsOf(kit).answer(id, { ...BY_ME, verdict: 'reject' }),
  ]
  t.equal(await approvalsOf(kit).withdraw('all', 'everything', 'me'), 1)
  t.match(await Promise.all(both), [{ id }, undefined])
  t.match(held.outcome, ACCEPTED)
  t.equal((await kit.park({ host, chain })).outcome, undefined)
})

test('a file that cannot be read stops the start, and a line cut short does not', async t => {
  const remember = fresh()
  writeFileSync(
    remember,
    '{"at":"2026-01-01T00:00:00Z","did":"withdrew","ids":[],"what":"x","who":"y"}\n{"at":"2026-',
  )
  const kit = await openPlugins(t, `approval remember=${remember}`)
  await kit.park({ host, chain })
  kit.close()
  t.equal((await approvalsOf(await openPlugins(t, `approval remember=${remember}`)).list()).length, 1)
  for (const bad of ['no', '{"at":"now","did":"else"}']) {
    const file = fresh()
    writeFileSync(file, `\n${bad}\n`)
    await t.rejects(openPlugins(t, `approval remember=${file}`), {
      code: 'PTC_PLUGIN_INIT_FAILED',
      message: `${file}:2: `,
    })
  }
  await t.rejects(openPlugins(t, `approval remember=${fresh()} signal_after=20`), {
    message: /signal_after=20: write a number and its unit/,
  })
})

test('an answer that cannot be written does not count, and spoils no other line', async t => {
  const remember = fresh()
  const kit = await openPlugins(t, `approval remember=${remember}`)
  const held = await kit.park({ host, chain })
  await kit.logged(/asks for/)
  const file = await open(remember)
  const handle: FileHandle = Object.getPrototypeOf(file)
  await file.close()
  const { appendFile } = handle
  handle.appendFile = async function (this: FileHandle, text) {
    handle.appendFile = appendFile
    await this.appendFile(String(text).slice(0, 50))
    throw new Error('no space left')
  }
  await t.rejects(answer(kit), { message: 'no space left' })
  t.equal(held.outcome, undefined, 'the handshake waits on')
  await answer(kit)
  t.match(held.outcome, ACCEPTED)
  kit.close()
  const after = await openPlugins(t, `approval remember=${remember}`)
  t.match((await after.park({ host, chain })).outcome, ACCEPTED)
})
