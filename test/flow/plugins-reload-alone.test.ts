/** `ctl plugin reload`: plugins are loaded anew, and the files of the configuration are not read. */
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { managed } from '../kit/managed.js'

/** A plugin that says which text of it is loaded. */
const saying = (text: string) => `export default ({ note }) => note('loaded ${text}')\n`

for (const processes of [1, 2])
  test(`a changed plugin comes into force, and a changed file of the configuration does not, with ${processes} processes`, async t => {
    const { proxy, ctl, count } = await managed(t, ['one.mjs', 'two.mjs'], undefined, {
      modules: { 'one.mjs': saying('one'), 'two.mjs': saying('two') },
      records: { 'proxy.config.exec_thread.limit': processes },
    })
    await count(/loaded two\n/g, processes)
    const before = JSON.parse((await ctl('status', '--json')).out)
    const change = (plugin: string, text: string) =>
      writeFileSync(join(proxy.conf.path, 'plugins', plugin), text)

    appendFileSync(join(proxy.conf.path, 'plugin.config'), '\nhalf-written.mjs\n')
    t.match(await ctl('reload'), { code: 1, err: /half-written/ })
    change('one.mjs', saying('the new one'))
    t.match(await ctl('plugin', 'reload', 'one'), {
      code: 0,
      out: 'plugin one is loaded anew, and with it all others: two\nthe configuration stays as it was read\n',
    })
    await count(/loaded the new one\n/g, processes)
    await count(/NOTE: plugins reloaded/g, processes)
    const after = JSON.parse((await ctl('status', '--json')).out)
    t.equal(after.generation, before.generation + 1)
    t.equal(after.readAt, before.readAt, 'the files were read when they were')

    change('one.mjs', "export default () => { throw new Error('oops') }")
    t.match(await ctl('plugin', 'reload', 'two'), { code: 1, err: /PTC_PLUGIN_INIT_FAILED.*oops/s })
    t.match(proxy.output(), /ERROR: reload of plugins failed, the old ones go on/)
    t.match((await ctl('plugin', 'list')).out, /^one .*\ntwo /)
    t.match(await ctl('plugin', 'reload', 'onne'), {
      code: 1,
      err: /no plugin "onne" is in force; did you mean one\?/,
    })
    t.equal((await ctl('plugin', 'reload')).code, 64)
  })
