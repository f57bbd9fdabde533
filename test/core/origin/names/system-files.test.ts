import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { NameCache } from '../../../../core/origin/names/cache.js'
import { readHosts, readResolvConf, WatchedFile } from '../../../../core/origin/names/system-files.js'
import { makeTempDir } from '../../../kit/temp-dir.js'

test('a file of hosts', async t => {
  const text = [
    '127.0.0.1 localhost  Alias\t # comment',
    '::1\tlocalhost',
    '# 192.0.2.9 hidden',
    'nonsense line',
    '192.0.2.1',
    '127.0.0.1 LOCALHOST',
  ].join('\n')
  t.strictSame(
    [...readHosts(text)],
    [
      ['localhost', ['127.0.0.1', '::1']],
      ['alias', ['127.0.0.1']],
    ],
  )
})

test('a file like resolv.conf', async t => {
  const text = [
    '# nameserver 192.0.2.9',
    '; nameserver 192.0.2.9',
    'nameserver 192.0.2.1',
    'nameserver fe80::1%eth0',
    'nameserver 2001:db8::1',
    'nameserver nonsense',
    'domain old.test',
    'search A.test. b.test',
    'options edns0 ndots:3 timeout:1',
  ].join('\n')
  t.strictSame(readResolvConf(text), {
    nameservers: ['192.0.2.1', '2001:db8::1'],
    search: ['a.test', 'b.test'],
    ndots: 3,
  })
  t.strictSame(readResolvConf(''), { nameservers: ['127.0.0.1'], search: [], ndots: 1 })
  t.equal(readResolvConf('options ndots:99').ndots, 15)
  t.equal(readResolvConf(`search ${'x.test '.repeat(20)}`).search.length, 6)
  t.strictSame(readResolvConf('domain a.test').search, ['a.test'])
})

test('a file that changes', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const path = join(dir.path, 'hosts')
  let now = 0
  let reads = 0
  const parse = (text: string): string => {
    reads += 1
    return text.trim()
  }
  const file = new WatchedFile(path, parse, () => now)
  t.equal(file.value, '', 'a missing file is an empty one')
  writeFileSync(path, 'one')
  t.equal(file.value, '', 'it is looked at once a second')
  now += 1000
  t.equal(file.value, 'one')
  now += 1000
  t.equal(file.value, 'one')
  t.equal(reads, 2, 'it is read when it has changed')
  writeFileSync(path, 'other')
  now += 1000
  t.equal(file.value, 'other')
  rmSync(path)
  now += 1000
  t.equal(file.value, '')
})

test('a cache of names', async t => {
  const cache = new NameCache({ found: 60_000, failed: 2000, maxBytes: 10_000 })
  for (let i = 0; i < 100; i += 1) cache.set(`${i}.example`, { addresses: ['192.0.2.1'], ttl: 1000 })
  t.ok(cache.bytes > 5000 && cache.bytes <= 10_000, `${cache.bytes} bytes`)
  t.ok(cache.size < 30)
  cache.set('a.example', { addresses: Array<string>(16).fill('2001:db8::1'), ttl: 1000 })
  t.ok(cache.bytes <= 10_000)
  cache.set('a.example', { addresses: ['192.0.2.1'], ttl: 0 })
  t.equal(cache.get('a.example'), undefined, 'what does not hold replaces what did')
  cache.clear()
  t.equal(cache.size, 0)
  const none = new NameCache({ found: 60_000, failed: 2000, maxBytes: 0 })
  none.set('a.example', { addresses: ['192.0.2.1'], ttl: 1000 })
  t.equal(none.get('a.example'), undefined)
})
