import { test } from 'tap'
import { parseRecords } from '../../../core/config/records.js'
import { recordInfos, recordNamed } from '../../../core/settings/record-report.js'

const NAME = 'proxy.config.cluster.redis_url'

test('operators see the password of no URL, whatever characters it or the name has', async t => {
  for (const [url, shown] of [
    ['redis://fleet:secret@127.0.0.1:1', 'redis://fleet:***@127.0.0.1:1'],
    ['redis://me@corp:secret@127.0.0.1:1', 'redis://me@corp:***@127.0.0.1:1'],
    ['redis://fleet:se@cret@127.0.0.1:1', 'redis://fleet:***@127.0.0.1:1'],
    ['redis://me/corp:secret@127.0.0.1:1', 'redis://me/corp:***@127.0.0.1:1'],
    ['redis://:secret@127.0.0.1:1', 'redis://:***@127.0.0.1:1'],
    ['redis://127.0.0.1:6379/0', 'redis://127.0.0.1:6379/0'],
  ] as const) {
    const records = parseRecords(`CONFIG ${NAME} STRING ${url}\n`, 'records.config')
    t.equal(recordNamed(recordInfos(records), NAME).value, shown, url)
  }
})
