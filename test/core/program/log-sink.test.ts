import { test } from 'tap'
import { makeConfDir, runMain } from '../../kit/proxy.js'
import { makeTempDir } from '../../kit/temp-dir.js'

test('a log that cannot be written is named with its record, by verify-config as well', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const conf = makeConfDir({
    records: {
      'proxy.config.log.logging_enabled': 3,
      'proxy.config.log.logfile_dir': dir.file('file', ''),
    },
  })
  t.teardown(conf.remove)
  for (const command of ['verify-config', 'start']) {
    const child = await runMain([command, '-D', conf.path])
    t.equal(await child.exited(), 1)
    t.match(
      child.stderr(),
      /PTC_LOG_UNWRITABLE: \S+records\.config:\d+: proxy\.config\.log\.logfile_dir: cannot write /,
      command,
    )
  }
})
