/** Files that may be missing at a start are never lost silently: not by a name that leads nowhere, not at a reload. */
import { readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { type Configuration, readConfiguration } from '../../../core/settings/settings.js'
import { makeTempDir } from '../../kit/temp-dir.js'

const SNI = 'sni:\n  - fqdn: a.test\n    verify_server_name: b.test\n'
const IP_ALLOW = 'ip_allow:\n  - apply: in\n    ip_addrs: 127.0.0.1\n    action: allow\n'

function conf(t: Test, files: Readonly<Record<string, string>>) {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  for (const [name, text] of Object.entries(files)) dir.file(name, text)
  return { dir, read: (inForce?: Configuration) => read(dir.path, inForce) }
}

const read = (confDir: string, inForce?: Configuration): Configuration =>
  readConfiguration({ confDir, env: {} }, inForce?.settings)

test('a missing plugin.config or records.config is an empty one, with a warning that names it', async t => {
  const noPlugins = conf(t, { 'records.config': '' })
  t.match(noPlugins.read(), {
    pluginLines: [],
    missing: [`${join(noPlugins.dir.path, 'plugin.config')} is missing: no plugin is loaded`],
  })
  const noRecords = conf(t, { 'plugin.config': '' })
  t.strictSame(noRecords.read().missing, [
    `${join(noRecords.dir.path, 'records.config')} is missing: every record has its default`,
  ])
  const yaml = conf(t, { 'records.yaml': 'records:\n', 'plugin.config': '' })
  t.strictSame(yaml.read().missing, [], 'records.yaml is records enough')
  t.throws(() => conf(t, {}).read(), { code: 'PTC_CONFIG_MISSING' }, 'a folder with neither is a mistake')
})

test('a file that a record names must exist, also by the default name', async t => {
  for (const [record, name] of [
    ['proxy.config.ssl.servername.filename', 'sni.yaml'],
    ['proxy.config.cache.ip_allow.filename', 'ip_allow.yaml'],
  ] as const) {
    const { read } = conf(t, {
      'records.config': `CONFIG ${record} STRING ${name}\n`,
      'plugin.config': '',
    })
    t.throws(
      read,
      { code: 'PTC_CONFIG_UNREADABLE', message: new RegExp(`records.config:1: ${record}: `) },
      name,
    )
  }
  t.doesNotThrow(
    conf(t, { 'records.config': '', 'plugin.config': '' }).read,
    'not named, they may be missing',
  )
})

test('a link that leads nowhere is no missing file', async t => {
  for (const name of ['records.config', 'plugin.config', 'sni.yaml', 'ip_allow.yaml', 'undecided.config']) {
    const { dir, read } = conf(t, { 'records.config': '', 'plugin.config': '' })
    rmSync(join(dir.path, name), { force: true })
    symlinkSync('nowhere', join(dir.path, name))
    t.throws(read, { code: 'PTC_CONFIG_UNREADABLE', message: name }, name)
  }
})

test('a reload refuses a configuration from which a file has vanished', async t => {
  const files = { 'records.config': '', 'plugin.config': '', 'sni.yaml': SNI, 'ip_allow.yaml': IP_ALLOW }
  const { dir, read } = conf(t, files)
  const inForce = read()
  for (const name of readdirSync(dir.path)) {
    const path = join(dir.path, name)
    renameSync(path, `${path}.bak`)
    t.throws(
      () => read(inForce),
      { code: 'PTC_CONFIG_UNREADABLE', message: `${path}: the file was there` },
      name,
    )
    renameSync(`${path}.bak`, path)
    t.doesNotThrow(() => read(inForce), `${name} is back`)
  }
  dir.file('sni.yaml', '')
  t.strictSame(read(inForce).rules, [], 'an empty one is an answer')
  const later = conf(t, { 'records.config': '' })
  t.strictSame(later.read(later.read()).pluginLines, [], 'what was not there may stay away')
})
