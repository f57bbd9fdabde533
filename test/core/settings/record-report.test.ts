import { test } from 'tap'
import { parseRecords } from '../../../core/config/records.js'
import { recordInfos, recordNamed } from '../../../core/settings/record-report.js'

const NAME = 'proxy.config.cluster.redis_url'

test('operators see the password of no URL, whatever characters it or the name has', async t => {
  for (const [url, shown] of [
    ['redis://fleet:secret@127.0.0.1:1', 'redis://fleet:***@127.0.0.1:1'],
    ['redis://me@corp:secret@127.0.0.1:1', 'redis://me@corp:***@127.0.0.1:1'],
    ['redis://fleet:se@cret@127.0.0.1:1', 'redis://fleet:***@127.0.0.1:1'],
    ['redis://:secret@127.0.0.1:1', 'redis://:***@127.0.0.1:1'],
    ['redis://127.0.0.1:6379/0', 'redis://127.0.0.1:6379/0'],
  ] as const) {
    const records = parseRecords(`CONFIG ${NAME} STRING ${url}\n`, 'records.config')
    t.equal(recordNamed(recordInfos(records), NAME).value, shown, url)
  }
})

test('a URL of Redis that has a slash in its user name is refused, without its password', async t => {
  const said = (url: string): string => {
    try {
      parseRecords(`CONFIG ${NAME} STRING ${url}\n`, 'records.config')
      return 'accepted'
    } catch (cause) {
      return String(cause)
    }
  }
  for (const url of [
    'redis://me/corp:secret@127.0.0.1',
    'redis:///me:secret@a',
    'redis://a/zero',
    'redis://a?b',
  ]) {
    t.match(said(url), /records\.config:1.*redis_url/, url)
    t.notMatch(said(url), 'secret', url)
  }
  for (const url of ['redis://a', 'rediss://me:p@ss@a:1/3', 'redis://[::1]:6379/'])
    t.equal(said(url), 'accepted', url)
})
