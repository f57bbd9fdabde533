/** `portcullis try` through a parent proxy. */
import { test } from 'tap'
import { commandHere } from '../../kit/command-here.js'
import { httpsOrigin, testRoot } from '../../kit/connecting.js'
import { parentProxy } from '../../kit/parent-proxy.js'
import { makeConfDir } from '../../kit/proxy.js'

const HOST = 'www.origin.test'

test('try goes through the parent that it is given, or that the configuration names', async t => {
  const origin = await httpsOrigin(t, HOST)
  const parent = await parentProxy({ hosts: { [HOST]: '127.0.0.1' }, wants: 'Basic YW5uOnNlY3JldA==' })
  t.teardown(parent.stop)
  const ca = (await testRoot()).certPem
  const tried = async (files: Record<string, string>, ...args: string[]) => {
    const conf = makeConfDir({ ca, files })
    t.teardown(conf.remove)
    const child = await commandHere(['try', '-D', conf.path, ...args, `${HOST}:${origin.port}`])
    return { code: child.exitCode, text: child.stdout() + child.stderr() }
  }
  const given = await tried({}, '--parent', `http://ann:secret@127.0.0.1:${parent.port}`)
  t.equal(given.code, 0, given.text)
  t.match(given.text, new RegExp(`through the parent proxy http://127\\.0\\.0\\.1:${parent.port}\n`))
  t.match(given.text, /ACCEPTED/)
  t.notMatch(given.text, /secret/)
  const named = await tried({
    'parent.config': `dest_domain=. parent="127.0.0.1:${parent.port}" go_direct=false credentials=login\n`,
    login: 'basic ann:secret\n',
  })
  t.equal(named.code, 0, named.text)
  t.equal(parent.asked.length, 2)
  const wrong = await tried({}, '--parent', `http://127.0.0.1:${parent.port}`)
  t.equal(wrong.code, 2)
  t.match(wrong.text, /NO ANSWER: PTC_PARENT_AUTH/)
  const bad = await tried({}, '--parent', 'gopher://secret@x:1')
  t.match(bad.text, /--parent must be a URL/)
  t.notMatch(bad.text, /secret/)
})
