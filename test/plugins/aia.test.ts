import { execFileSync } from 'node:child_process'
import type { X509Certificate } from 'node:crypto'
import { test } from 'tap'
import { type Answer, stage } from '../kit/missing-issuers.js'
import { makeAuthority } from '../kit/pki.js'
import { requireProgram } from '../kit/programs.js'
import { makeTempDir } from '../kit/temp-dir.js'

const other = await makeAuthority({ name: 'Other Root' })

test('a chain of two missing issuers is completed, and the answers are kept', async t => {
  const { ask, asked, proxy } = await stage(t, {})
  t.equal(await ask(), 200)
  t.same(asked, ['/lower', '/upper'])
  t.equal(await ask(), 200)
  await proxy.server.reload()
  t.equal(await ask(), 200)
  t.equal(asked.length, 2, 'a reload keeps the cache')
  t.match(
    await proxy.server.pluginMetrics.text(),
    'portcullis_plugin_aia_chains_total{outcome="completed"} 3',
  )
})

test('the plugin completes in a worker, too', async t => {
  const { ask } = await stage(t, {}, 'aia.js @isolate=worker allow_private=true')
  t.equal(await ask(), 200)
})

test('PEM and PKCS#7 answers are read', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const it = await stage(t, {
    '/lower': response => {
      dir.file('both.pem', [it.lower, it.upper].map(pemOf).join(''))
      const bundle = execFileSync(
        requireProgram('openssl'),
        ['crl2pkcs7', '-nocrl', '-certfile', 'both.pem', '-outform', 'DER'],
        { cwd: dir.path },
      )
      response.writeHead(200, { 'content-type': 'application/pkcs7-mime' }).end(bundle)
    },
  })
  t.equal(await it.ask(), 200)
  t.same(it.asked, ['/lower'], 'the bundle has both')
  const pem = await stage(t, {
    '/lower': response =>
      response.writeHead(200, { 'content-type': 'application/x-pem-file' }).end(pemOf(pem.lower)),
  })
  t.equal(await pem.ask(), 200)
})

const pemOf = (der: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`

test('known intermediates are tried first', async t => {
  const { ask, asked } = await stage(t, {}, 'aia.js intermediates=known.pem')
  t.equal(await ask(), 200)
  t.same(asked, [])
})

test('a private source is not asked by default', async t => {
  const { ask, asked } = await stage(t, {}, 'aia.js')
  t.equal(await ask(), 502)
  t.same(asked, [])
})

const der = ({ cert }: { readonly cert: X509Certificate }): Buffer => cert.raw
const HOSTILE: readonly (readonly [string, Answer])[] = [
  ['an untrusted root', response => response.end(der(other))],
  ['a wrong type', response => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')],
  ['garbage', response => response.end('garbage')],
  ['too much', response => response.end(Buffer.alloc(100_000))],
  ['a redirect loop', response => response.writeHead(302, { location: '/lower' }).end()],
  ['silence', () => undefined],
]
for (const [what, answer] of HOSTILE)
  test(`a source that sends ${what} completes nothing`, async t => {
    const { ask } = await stage(t, { '/lower': answer }, 'aia.js allow_private=true timeout=700')
    t.equal(await ask(), 502)
  })
