/** An origin that leaves its issuers out, and the source that has them. */
import { execFileSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import { get } from './client.js'
import { nodeOrigin } from './node-origin.js'
import { makeAuthority } from './pki.js'
import { requireProgram } from './programs.js'
import { type ProxyHere, startProxyHere } from './proxy.js'
import { guardServer } from './tcp-server.js'
import { makeTempDir } from './temp-dir.js'

const HOST = 'aia.test'
const root = await makeAuthority({ name: 'Aia Root' })

/** Of a test, or of a benchmark. */
interface Ends {
  teardown(end: () => unknown): void
}

export type Answer = (response: ServerResponse) => void

/** A chain root -> upper -> lower -> leaf by `openssl`, whose caIssuers lead to a source of this machine. */
export async function stage(
  t: Ends,
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
  t: Ends,
  port: number,
): {
  readonly upper: Buffer
  readonly lower: Buffer
  readonly leafPem: string
  readonly leafKey: string
  readonly intermediates: string
} {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const run = (...args: string[]): Buffer =>
    execFileSync(requireProgram('openssl'), args, { cwd: dir.path, stdio: ['ignore', 'pipe', 'pipe'] })
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
