/** The verifiers that come with the proxy, all in one plugin.config, with a real origin, program, helper and service. */
import { X509Certificate } from 'node:crypto'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { certificatesOf } from '../../core/testing/kit.js'
import { spkiOf } from '../../plugins/certificates/fingerprints.js'
import { CtLog, stampedOrigin } from '../kit/ct-log.js'
import { curl } from '../kit/curl.js'
import { stapleFor } from '../kit/ocsp.js'
import { opensslOrigin } from '../kit/openssl-origin.js'
import { startProxyHere } from '../kit/proxy.js'
import { startService } from '../kit/tcp-server.js'
import { makeTempDir } from '../kit/temp-dir.js'

const HOST = 'all.test'
const [oak, elm] = [new CtLog('Oak'), new CtLog('Elm', true)]
const made = await stampedOrigin(HOST, entry => [oak.stamp(entry), elm.stamp(entry)])
const pin = certificatesOf(made.leaf).map(spkiOf)[0] ?? ''

const authority = { certPem: made.root, keyPem: made.rootKey }
const staple = (status: 'good' | 'revoked'): Buffer => {
  const rows = { [status]: [{ cert: new X509Certificate(made.leaf) }] }
  return stapleFor({ certPem: made.leaf }, { issuer: authority, signer: authority, ...rows })
}

/** Answers OK to Squid's questions. */
const HELPER = `process.stdin.on('data', data => {
  for (const [, id] of data.toString().matchAll(/^(\\d+) cert_validate/gm)) process.stdout.write(id + ' OK 0 \\x01')
})`

const FILES = {
  'policy.yaml': `rules:\n- {action: require, host: ${HOST}, issuer: "*CT Issuer", key: ec, age: ">1m"}\n- {action: block}\n`,
  'pins.yaml': `pins: [{host: ${HOST}, spki: ["${pin}"]}]\n`,
  'log_list.json': JSON.stringify({ operators: [{ name: 'One', logs: [oak.entry(), elm.entry()] }] }),
  'helper.mjs': HELPER,
  'check.sh': `#!/bin/sh\ngrep -q '"host":"${HOST}"' && echo '{"verdict":"accept"}'\n`,
  'webhook.secret': 'a secret for this test alone',
}

async function setUp(t: Test, isolate: string) {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const args = ['-status_file', dir.file('staple', staple('good'))]
  const origin = await opensslOrigin({ certPem: made.leaf, keyPem: made.key, args })
  t.teardown(origin.stop)
  let answer: object = { verdict: 'accept' }
  const url = await startService(t, (request, response) => {
    request.resume()
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer))
  })
  const plugins = [
    `policy.js ${isolate} file=policy.yaml`,
    `pins.js ${isolate} file=pins.yaml`,
    `sct.js ${isolate} logs=log_list.json min=2`,
    `revocation.js ${isolate} none=reject`,
    `cert_validator.js ${isolate} "cmd=${process.execPath} ./helper.mjs" children=1`,
    `exec.js ${isolate} cmd=./check.sh`,
    `webhook.js ${isolate} url=${url} secret_file=webhook.secret retries=0`,
    `known_hosts.js ${isolate} file=known_hosts mode=tofu`,
    'learn.js @mode=shadow folder=learned',
  ]
  const records = { 'proxy.config.http.connect_ports': `443 ${origin.port}` }
  const proxy = await startProxyHere({ plugins, files: FILES, hosts: [HOST], ca: made.root, records })
  t.teardown(proxy.stop)
  const path = (name: string): string => join(proxy.conf.path, name)
  chmodSync(path('check.sh'), 0o700)
  const ask = async () => {
    const target = `https://${HOST}:${origin.port}/`
    const { code, stdout } = await curl(['-s', '-i', '-k', '-x', `http://127.0.0.1:${proxy.port}`, target])
    return { code, by: /plugin=(\w+)/.exec(stdout)?.[1] }
  }
  const shows = (status: 'good' | 'revoked') => void dir.file('staple', staple(status))
  return { origin, ask, path, says: (next: object) => (answer = next), shows }
}

for (const isolate of ['', '@isolate=worker'])
  test(`all verifiers in one plugin.config accept an origin, and each rejects ${isolate}`, async t => {
    const { origin, ask, path, says, shows } = await setUp(t, isolate)
    t.strictSame(await ask(), { code: 0, by: undefined })
    t.ok(origin.received('Finished'))
    t.match(readFileSync(path('known_hosts'), 'utf8'), `${HOST}:${origin.port} ${pin} 2`)

    const other = `${'A'.repeat(43)}=`
    const write = (file: string, text: string) => () => writeFileSync(path(file), text)
    const strange = JSON.stringify({ operators: [{ name: 'One', logs: [new CtLog('Ash').entry()] }] })
    // From the last line to the first: each is in front of those that reject already.
    const edits: [string, () => unknown][] = [
      ['known_hosts', write('known_hosts', `${HOST}:${origin.port} ${other} by hand\n`)],
      ['webhook', () => says({ verdict: 'reject' })],
      ['exec', write('check.sh', '#!/bin/sh\nexit 1\n')],
      ['revocation', () => shows('revoked')],
      ['sct', write('log_list.json', strange)],
      ['pins', write('pins.yaml', `pins: [{host: ${HOST}, spki: ["${other}"]}]\n`)],
      ['policy', write('policy.yaml', 'rules: [{action: block}]\n')],
    ]
    for (const [by, edit] of edits) {
      edit()
      t.ok(await isRejectedBy(by, ask), by)
    }
  })

/** Soon: what was accepted before is revoked within a second of an edit. */
async function isRejectedBy(
  plugin: string,
  ask: () => Promise<{ readonly code: number; readonly by: string | undefined }>,
): Promise<boolean> {
  for (let tries = 0; tries < 200; tries++) {
    const { code, by } = await ask()
    if (by === plugin && code !== 0) return true
  }
  return false
}
