import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { ERRORS } from '../../../core/base/error-table.js'
import { ProxyError } from '../../../core/base/errors.js'
import { Mistakes } from '../../../core/base/mistakes.js'
import { ProxyServer } from '../../../core/program/proxy.js'
import { makeConfDir, placeFor } from '../../kit/proxy.js'
import { makeTempDir } from '../../kit/temp-dir.js'

/** Starts a proxy with these files and returns the error of the start. */
async function startWith(files: Readonly<Record<string, string>>): Promise<ProxyError> {
  const dir = makeTempDir()
  for (const [name, text] of Object.entries({ 'plugin.config': '', ...files }))
    writeFileSync(join(dir.path, name), text)
  try {
    const proxy = await ProxyServer.start(placeFor(dir.path, () => undefined))
    await proxy.stop(0)
  } catch (cause) {
    if (cause instanceof ProxyError) return cause
    throw cause
  } finally {
    dir.remove()
  }
  throw new Error('the start has not failed')
}

const PORT = 'CONFIG proxy.config.http.server_ports STRING 0:ip-in=127.0.0.1\n'

test('the mistakes of all configuration files are one error, each with its place and what to do', async t => {
  const error = await startWith({
    'records.config': `${PORT}CONFIG proxy.config.http.connect_ports STRING no\nCONFIG proxy.config.nothing INT 1\n`,
    'plugin.config': '"unclosed\n',
    'sni.yaml': 'sni:\n  - fqdn: a.test\n    verify_servr: 1\n',
    'ip_allow.yaml': 'ip_allow:\n  - apply: in\n    ip_addrs: nowhere\n    action: allow\n',
  })
  t.equal(error.code, 'PTC_CONFIG_INVALID')
  const lines = error.message.split('\n')
  for (const place of [
    'records.config:2',
    'records.config:3',
    'plugin.config:1',
    'sni.yaml:3',
    'ip_allow.yaml:3',
  ])
    t.equal(lines.filter(line => line.includes(`${place}: `)).length, 1, place)
  t.equal(lines[0], '5 errors')
  for (const code of [
    'PTC_RECORDS_INVALID',
    'PTC_PLUGIN_CONFIG_INVALID',
    'PTC_RULES_INVALID',
    'PTC_IP_ALLOW_INVALID',
  ] as const)
    t.ok(lines.includes(`    ${code}: ${ERRORS[code].remedy}`), code)
})

test('the mistakes of files that the configuration names, and of all plugins, are one error', async t => {
  const error = await startWith({
    'records.config': `${PORT}CONFIG proxy.config.ssl.client.CA.cert.filename STRING gone.pem\nCONFIG proxy.config.dns.resolv_conf STRING gone.conf\n`,
    'plugin.config': 'first\nsecond\n',
  })
  t.equal(error.code, 'PTC_CONFIG_INVALID')
  for (const text of ['records.config:2: ', 'records.config:3: ', 'plugin.config:1: ', 'plugin.config:2: '])
    t.ok(error.message.includes(text), text)
})

test('every rule with a file that cannot be read is named', async t => {
  const rule = (host: string): string => `  - fqdn: ${host}\n    verify_server_ca: ${host}.pem\n`
  const error = await startWith({
    'records.config': PORT,
    'sni.yaml': `sni:\n${rule('a.test')}${rule('b.test')}`,
  })
  t.equal(error.code, 'PTC_TLS_CONTEXT')
  t.match(error.message, /^2 errors\n.*sni\.yaml:2: .*a\.test\.pem.*\n.*sni\.yaml:4: .*b\.test\.pem/)
})

test('a reload that fails names all mistakes, and the old generation stays in force', async t => {
  const conf = makeConfDir({})
  t.teardown(conf.remove)
  const lines: string[] = []
  const proxy = await ProxyServer.start(placeFor(conf.path, line => lines.push(line)))
  t.teardown(() => proxy.stop(0))
  writeFileSync(join(conf.path, 'plugin.config'), 'first\n')
  writeFileSync(join(conf.path, 'ip_allow.yaml'), '[]\n')
  await t.rejects(
    proxy.reload(),
    { code: 'PTC_IP_ALLOW_INVALID' },
    'no plugin is loaded while files have mistakes',
  )
})

test('one mistake is an error of its own, and other exceptions are not collected', async t => {
  const mistakes = new Mistakes()
  t.equal(
    mistakes.read(() => 1),
    1,
  )
  t.equal(mistakes.error, undefined)
  const error = new ProxyError('PTC_RULES_INVALID', 'a:1: wrong')
  mistakes.read(() => {
    throw error
  })
  t.equal(mistakes.error, error)
  t.throws(() =>
    mistakes.read(() => {
      throw new TypeError('a defect')
    }),
  )
})
