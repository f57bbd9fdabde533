/**
 * An origin that has left out an issuer: a plugin completes its chain, and can do nothing else. In the proxy's thread and in a
 * worker. Longer than 250 lines because every misuse has its case.
 */
import { type Test, test } from 'tap'
import { liveNatives } from '../../core/tls/openssl/owned.js'
import { get } from '../kit/client.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { type Authority, type CertificateOptions, makeAuthority } from '../kit/pki.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from '../kit/proxy.js'

const HOST = 'incomplete.test'
const root = await makeAuthority({ name: 'Root' })
const middle = await makeAuthority({ name: 'Middle', parent: root })
const evilRoot = await makeAuthority({ name: 'Evil Root' })
const evil = await makeAuthority({ name: 'Evil', parent: evilRoot })
/** The name of the right one, with other keys. */
const twin = await makeAuthority({ name: 'Middle', parent: evilRoot })

const der = ({ cert }: Pick<Authority, 'cert'>): string => cert.raw.toString('base64')

/** What the plugin does is the body of its continuation; `ders` are the certificates that it is given. */
const plugin = (body: string, options = "{ sees: 'incomplete' }"): string => `
import { readFileSync } from 'node:fs'
let kept
export default ({ confDir, hookAdd, note, accept, reject }) => {
  const ders = JSON.parse(readFileSync(confDir + '/help.json', 'utf8')).map(text => Buffer.from(text, 'base64'))
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', async event => {
    const { verifyAgain, complete, reenable, builtIn } = event
    note('asked ' + builtIn.name)
    const attempt = async fn => { try { await fn(); note('done') } catch (error) { note('refused ' + error.code + ' ' + error.message) } }
    ${body}
  }, ${options})
}
`

/** Sees what is judged after the chain has been completed. */
const WITNESS = `
export default ({ hookAdd, note }) => hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ builtIn, builtChain, chain, checks, reenable }) => {
  note('witness ' + [builtIn.name, checks.signature.name, chain.length, builtChain.map(({ subject }) => subject.replace(/.*CN=/, ''))].join(' '))
  reenable()
})
`

interface Stage {
  readonly proxy: ProxyHere
  readonly ask: () => Promise<{ readonly status: number; readonly body: string }>
}

interface StageOptions extends ProxyConf {
  readonly leaf?: CertificateOptions
  readonly by?: Authority
  /** Sends the whole chain. */
  readonly isComplete?: boolean
  /** What the plugin knows. */
  readonly help?: readonly Pick<Authority, 'cert'>[]
}

async function stage(
  t: Test,
  { leaf = {}, by = middle, isComplete = false, help = [], ...conf }: StageOptions,
): Promise<Stage> {
  const issued = await by.issue({ cn: HOST, ...leaf })
  const chainPem = isComplete ? issued.chainPem : issued.certPem
  const origin = await nodeOrigin({ tls: { ...issued, chainPem } })
  t.teardown(origin.stop)
  const proxy = await startProxyHere({
    ca: root.certPem,
    hosts: [HOST],
    files: { 'help.json': JSON.stringify(help.map(der)) },
    ...conf,
    records: { 'proxy.config.http.origin_max_idle': 0, ...conf.records },
  })
  t.teardown(proxy.stop)
  const ask: Stage['ask'] = async () => {
    const { status, body } = await get(proxy.port, `https://${HOST}:${origin.port}/`)
    return { status, body: body.toString() }
  }
  return { proxy, ask }
}

const COMPLETES = 'const found = await verifyAgain({ intermediates: ders }); complete(found); reenable()'
const OVERRIDE = 'proxy.config.ssl.client.verify.server.override'

for (const isolate of ['', ' @isolate=worker']) {
  const where = isolate === '' ? 'here' : 'in a worker'
  const line = `completing.mjs${isolate}`

  test(`a completed chain is what later plugins and the enforcement see, ${where}`, async t => {
    const before = liveNatives()
    const { proxy, ask } = await stage(t, {
      modules: { 'completing.mjs': plugin(COMPLETES), 'witness.mjs': WITNESS },
      help: [middle, evil],
      plugins: ['witness.mjs', line], // the witness comes first, and is asked after it
    })
    t.match(await ask(), { status: 200 })
    t.match(proxy.output(), 'witness X509_V_OK X509_V_OK 1 incomplete.test,Middle,Root')
    t.match(proxy.output(), /asked X509_V_ERR_UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT_LOCALLY)/)
    t.match(await ask(), { status: 200 })
    await proxy.stop()
    t.same(liveNatives()['X509'] ?? 0, before['X509'] ?? 0)
  })

  test(`an acceptance without completion overrules nothing, ${where}`, async t => {
    for (const override of [0, 1] as const) {
      const { ask } = await stage(t, {
        modules: { 'completing.mjs': plugin('reenable(accept())') },
        plugins: [line],
        records: { [OVERRIDE]: override },
      })
      t.match(await ask(), { status: 502, body: /built-in check/ }, `override ${override}`)
    }
  })

  test(`plugins that decide are asked about what is still incomplete under override 1 alone, ${where}`, async t => {
    for (const override of [0, 1] as const) {
      const { proxy, ask } = await stage(t, {
        modules: { 'completing.mjs': plugin('reenable()'), 'witness.mjs': WITNESS },
        plugins: [line, 'witness.mjs'],
        records: { [OVERRIDE]: override },
      })
      t.match(await ask(), { status: override === 1 ? 200 : 502 })
      t.equal(proxy.output().includes('witness X509'), override === 1)
    }
  })

  test(`a chain that leads elsewhere does not complete, ${where}`, async t => {
    const body =
      'const found = await verifyAgain({ intermediates: ders }); note("found " + found.builtIn.name); complete(found); reenable()'
    const cases: readonly [string, StageOptions, readonly Pick<Authority, 'cert'>[]][] = [
      ["another leaf's chain", {}, [evil, root]],
      ['an issuer of the right name with other keys', {}, [twin]],
      ['an untrusted root, sent along', { by: evil }, [evil, evilRoot]],
      ['nothing', {}, []],
      [
        'an expired leaf',
        { leaf: { notBefore: new Date(Date.now() - 9e6), notAfter: new Date(Date.now() - 6e6) } },
        [middle],
      ],
    ]
    for (const [what, options, certificates] of cases) {
      const { proxy, ask } = await stage(t, {
        ...options,
        help: certificates,
        modules: { 'completing.mjs': plugin(body), 'witness.mjs': WITNESS },
        plugins: [line, 'witness.mjs'],
        records: { [OVERRIDE]: 0 },
      })
      t.match(await ask(), { status: 502 }, what)
      t.notMatch(proxy.output(), 'witness X509', what)
      t.notMatch(proxy.output(), 'found X509_V_OK', what)
    }
  })

  test(`what completes the path does not excuse the name, ${where}`, async t => {
    const { proxy, ask } = await stage(t, {
      leaf: { cn: 'other.test' },
      modules: { 'completing.mjs': plugin(COMPLETES), 'witness.mjs': WITNESS },
      help: [middle],
      plugins: [line, 'witness.mjs'],
    })
    t.match(await ask(), { status: 502, body: /X509_V_ERR_HOSTNAME_MISMATCH/ })
    t.notMatch(proxy.output(), 'witness X509')
  })

  test(`complete counts once, in its turn, with a result of its own event, ${where}`, async t => {
    const body = `
      const found = await verifyAgain({ intermediates: ders })
      await attempt(() => complete({ ...found }))
      await attempt(() => complete({ builtIn: { ok: true }, builtChain: [], checks: {} }))
      await attempt(() => complete(undefined))
      if (kept) await attempt(() => complete(kept))
      await attempt(() => verifyAgain({ intermediates: [Buffer.from('no certificate')] }))
      await attempt(() => verifyAgain({ intermediates: 'x' }))
      await attempt(() => verifyAgain())
      kept = found
      complete(found)
      await attempt(() => complete(found))
      reenable()
      await attempt(() => complete(found))
      await attempt(() => verifyAgain({ intermediates: ders }))
      note('end')`
    const { proxy, ask } = await stage(t, {
      modules: { 'completing.mjs': plugin(body) },
      help: [middle],
      plugins: [line],
    })
    for (const end of [1, 2, 3]) {
      t.match(await ask(), { status: 200 })
      await proxy.until(new RegExp(`(?:[^]*NOTE[^]*? end){${end}}`))
    }
    const refused = proxy.output().match(/refused \S+/g) ?? []
    // Two workers have three questions: one of them has kept the result of another event.
    t.ok(refused.length > 27, 'nine each, and one with the result of another event')
    t.same([...new Set(refused)].sort(), ['refused PTC_CERTIFICATE_UNREADABLE', 'refused PTC_PLUGIN_CALL'])
    t.notMatch(proxy.output(), 'done')
  })

  test(`completion after the answer has no effect, ${where}`, async t => {
    const { proxy, ask } = await stage(t, {
      modules: {
        'completing.mjs': plugin(
          'const found = await verifyAgain({ intermediates: ders }); reenable(); await attempt(() => complete(found))',
        ),
      },
      help: [middle],
      plugins: [line],
    })
    t.match(await ask(), { status: 502 })
    await proxy.until(/refused PTC_PLUGIN_CALL/)
  })

  test(`a complete chain is no question for it, and it may reject an incomplete one, ${where}`, async t => {
    const modules = { 'completing.mjs': plugin("reenable(reject('policy', 'by hand'))") }
    const good = await stage(t, { isComplete: true, modules, plugins: [line] })
    t.match(await good.ask(), { status: 200 })
    t.notMatch(good.proxy.output(), 'asked')
    const bad = await stage(t, { modules, plugins: [line] })
    t.match(await bad.ask(), { status: 502, body: /by hand/ })
  })

  test(`a plugin that decides completes under override 1, and not where nothing is missing, ${where}`, async t => {
    const modules = { 'completing.mjs': plugin(COMPLETES, '{}'), 'witness.mjs': WITNESS }
    const records = { [OVERRIDE]: 1 } as const
    const it = await stage(t, { modules, help: [middle], plugins: [line, 'witness.mjs'], records })
    t.match(await it.ask(), { status: 200 })
    t.match(it.proxy.output(), 'witness X509_V_OK')
    const whole = await stage(t, { isComplete: true, modules, help: [middle], plugins: [line], records })
    t.match(await whole.ask(), { status: 502 }, 'that is a failure of the plugin')
    const shadow = await stage(t, {
      modules,
      plugins: [`${line.replace('.mjs', '.mjs @mode=shadow')}`, 'witness.mjs'],
      records,
    })
    t.match(await shadow.ask(), { status: 200 })
    t.match(shadow.proxy.output(), 'witness X509_V_ERR', 'in shadow mode it has no effect')
  })
}

test('one answer for many completes nothing', async t => {
  const { ask } = await stage(t, {
    modules: { 'completing.mjs': plugin(COMPLETES, '{ coalesce: true }') },
    help: [middle],
    plugins: ['completing.mjs'],
    records: { [OVERRIDE]: 1 },
  })
  t.match(await ask(), { status: 502 })
})

for (const [options, what] of [
  ["{ sees: 'all' }", 'another word'],
  ["{ sees: 'incomplete', coalesce: true }", 'both options'],
] as const)
  test(`a start is refused with ${what}`, async t => {
    const modules = { 'completing.mjs': plugin('', options) }
    await t.rejects(startProxyHere({ modules, plugins: ['completing.mjs'], files: { 'help.json': '[]' } }), {
      code: 'PTC_PLUGIN_SHAPE',
    })
  })
