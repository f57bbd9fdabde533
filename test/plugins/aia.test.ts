import { execFileSync } from 'node:child_process'
import { createPrivateKey, type X509Certificate } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import { type Test, test } from 'tap'
import { get } from '../kit/get.js'
import { nodeOrigin } from '../kit/node-origin.js'
import { makeAuthority } from '../kit/pki.js'
import { requireProgram } from '../kit/programs.js'
import { type ProxyHere, startProxyHere } from '../kit/proxy.js'
import { guardServer } from '../kit/tcp-server.js'
import { makeTempDir } from '../kit/temp-dir.js'

const HOST = 'aia.test'
const root = await makeAuthority({ name: 'Aia Root' })
const other = await makeAuthority({ name: 'Other Root' })

type Answer = (response: ServerResponse) => void

/** A chain root -> upper -> lower -> leaf by `openssl`, whose caIssuers lead to a source of this machine. */
async function stage(
  t: Test,
  answers: Record<string, Answer>,
  line = 'aia.js allow_private=true',
): Promise<{
  readonly ask: () => Promise<number>
  readonly proxy: ProxyHere
  readonly asked: string[]
  readonly upper: Buffer
  readonly lower: Buffer
}> {
  const asked: string[] = []
  const source = await guardServer(
    createServer((request, response) => {
      asked.push(request.url ?? '')
      const known: Record<string, Answer> = {
        '/upper': answer =>
          answer.writeHead(200, { 'content-type': 'application/pkix-cert' }).end(made.upper),
        '/lower': answer =>
          answer.writeHead(200, { 'content-type': 'application/pkix-cert' }).end(made.lower),
        ...answers,
      }
      const answer = known[request.url ?? '']
      if (answer === undefined) response.writeHead(404).end()
      else answer(response)
    }),
  )
  t.teardown(source.stop)
  const made = makeChain(t, source.port)
  const origin = await nodeOrigin({ tls: { chainPem: made.leafPem, keyPem: made.leafKey } })
  t.teardown(origin.stop)
  const proxy = await startProxyHere({
    ca: root.certPem,
    hosts: [HOST],
    plugins: [line],
    files: { 'known.pem': made.intermediates },
    records: { 'proxy.config.http.origin_max_idle': 0 },
  })
  t.teardown(proxy.stop)
  const ask = async (): Promise<number> => (await get(proxy.port, `https://${HOST}:${origin.port}/`)).status
  return { ask, proxy, asked, upper: made.upper, lower: made.lower }
}

function makeChain(
  t: Test,
  port: number,
): {
  readonly upper: Buffer
  readonly lower: Buffer
  readonly leafPem: string
  readonly leafKey: string
  readonly intermediates: string
} {
  requireProgram('openssl')
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const run = (...args: string[]): Buffer =>
    execFileSync('openssl', args, { cwd: dir.path, stdio: ['ignore', 'pipe', 'pipe'] })
  dir.file('root.pem', root.certPem)
  dir.file('root.key', root.keyPem)
  const issue = (name: string, by: string, extensions: string): string => {
    dir.file(
      `${name}.cnf`,
      `[req]\nprompt=no\ndistinguished_name=dn\nx509_extensions=v3\n[dn]\nCN=${name}\n[v3]\n${extensions}\n`,
    )
    run('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', `${name}.key`)
    const pem = run(
      'req',
      '-x509',
      '-CA',
      `${by}.pem`,
      '-CAkey',
      `${by}.key`,
      '-key',
      `${name}.key`,
      '-days',
      '2',
      '-config',
      `${name}.cnf`,
    ).toString()
    dir.file(`${name}.pem`, pem)
    return pem
  }
  const ca =
    'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid'
  const at = (path: string): string => `\nauthorityInfoAccess=caIssuers;URI:http://127.0.0.1:${port}${path}`
  const upper = issue('upper', 'root', ca)
  const lower = issue('lower', 'upper', ca + at('/upper'))
  const leaf = issue(HOST, 'lower', `subjectAltName=DNS:${HOST}\nauthorityKeyIdentifier=keyid${at('/lower')}`)
  const der = (name: string): Buffer => run('x509', '-in', `${name}.pem`, '-outform', 'DER')
  return {
    upper: der('upper'),
    lower: der('lower'),
    leafPem: leaf,
    leafKey: String(
      createPrivateKey(run('pkey', '-in', `${HOST}.key`)).export({ type: 'pkcs8', format: 'pem' }),
    ),
    intermediates: `${lower}${upper}`,
  }
}

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
  requireProgram('openssl')
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const it = await stage(t, {
    '/lower': response => {
      dir.file('both.pem', [it.lower, it.upper].map(pemOf).join(''))
      const bundle = execFileSync(
        'openssl',
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
