/** What lies in a folder and is not read is named, by verify-config and at start. */
import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { commandHere } from '../../../kit/command-here.js'
import { makeConfDir, startProxyHere } from '../../../kit/proxy.js'
import { makeKey } from '../../../kit/stores.js'

const FOREIGN = {
  'ip_allow.config': 'src_ip=127.0.0.1 action=ip_allow\n',
  'splitdns.config': 'dest_domain=. named=192.0.2.1\n',
  'logging.yaml': 'logging:\n  formats: []\n',
  'storage.config': '# nothing but a comment\n',
  'sni.yaml': 'sni: []\n',
}
const RECORD_LINES = [
  'CONFIG proxy.config.cache.ram_cache.size INT -1',
  'CONFIG proxy.config.exec_thread.affinity INT 1',
]

const verify = (path: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) =>
  commandHere(['verify-config', '-D', path, ...args], { env })

test('verify-config names files and counts records of Traffic Server', async t => {
  const conf = makeConfDir({ files: FOREIGN, recordLines: RECORD_LINES })
  t.teardown(conf.remove)
  const { exitCode, stderr } = await verify(conf.path)
  t.equal(exitCode, 0)
  t.match(
    stderr(),
    /warning: 2 records of Traffic Server mean nothing here and are ignored; --verbose lists them\n/,
  )
  t.match(stderr(), /warning: .*ip_allow\.config is not read: clients are allowed by ip_allow\.yaml/)
  t.match(stderr(), /warning: .*splitdns\.config is not read/)
  t.match(stderr(), /warning: .*logging\.yaml is not read/)
  t.notMatch(
    stderr(),
    /storage\.config|sni\.yaml/,
    'a file without lines and a file that is read are not named',
  )
  const verbose = await verify(conf.path, ['--verbose'])
  t.match(verbose.stderr(), /records\.config:1: proxy\.config\.cache\.ram_cache\.size\n/)
  t.match(verbose.stderr(), /records\.config:2: proxy\.config\.exec_thread\.affinity\n/)
})

test('the start names them too', async t => {
  const proxy = await startProxyHere({ files: FOREIGN, recordLines: RECORD_LINES })
  t.teardown(proxy.stop)
  await proxy.until(/2 records of Traffic Server mean nothing here/)
  await proxy.until(/splitdns\.config is not read/)
})

test('records.config and records.yaml', async t => {
  const conf = makeConfDir({ files: { 'records.yaml': 'records:\n' } })
  t.teardown(conf.remove)
  const both = await verify(conf.path)
  t.equal(both.exitCode, 1, 'both are an error')
  t.match(both.stderr(), /records\.yaml: there is .*records\.config as well.*remove one/)

  const yaml = makeConfDir()
  t.teardown(yaml.remove)
  cpSync('test/fixtures/configs/22-forward-10-records-yaml/records.yaml', join(yaml.path, 'records.yaml'))
  rmSync(join(yaml.path, 'records.config'))
  writeFileSync(join(yaml.path, 'ip_allow.yaml'), 'ip_allow: []\n')
  const alone = await verify(yaml.path)
  t.equal(alone.exitCode, 0, alone.stderr())
  t.match(alone.stderr(), /records of Traffic Server mean nothing here/)
})

test('a line that the environment overrides is named, with the variable', async t => {
  const [name, variable] = ['proxy.config.cluster.redis_url', 'PROXY_CONFIG_CLUSTER_REDIS_URL']
  const line = 'redis://:line-secret@127.0.0.1:6379'
  const conf = makeConfDir({
    recordLines: [`CONFIG ${name} STRING ${line}`],
    files: { 'cluster.keys': makeKey() },
  })
  t.teardown(conf.remove)
  const { exitCode, stderr } = await verify(conf.path, [], {
    [variable]: 'redis://:other-secret@127.0.0.1:6379',
  })
  t.equal(exitCode, 0)
  t.match(
    stderr(),
    `${join(conf.path, 'records.config')}:1: ${name} has no effect: ${variable} is set in the environment`,
  )
  t.notMatch(stderr(), /secret/)
  t.notMatch((await verify(conf.path, [], { [variable]: line })).stderr(), /has no effect/, 'the same value')
})
