import { test } from 'tap'
import type { VerifyServerEvent } from '../../../../core/api/hooks.js'
import { Handshaker } from '../../../kit/handshakes.js'
import { nodeOrigin } from '../../../kit/node-origin.js'
import { makeAuthority } from '../../../kit/pki.js'

const HOST = 'foo.test'

test('a plugin that has failed can answer no more', async t => {
  const root = await makeAuthority({ name: 'Root' })
  const leaf = await root.issue({ cn: HOST })
  const origin = await nodeOrigin({ tls: { chainPem: leaf.chainPem, keyPem: leaf.keyPem } })
  t.teardown(() => origin.stop())
  let asked: VerifyServerEvent | undefined
  const made = new Handshaker(root.certPem, [
    (event, refuse) => {
      asked = event
      t.notOk(event.signal.aborted)
      refuse(new TypeError('oops'))
    },
  ])
  t.teardown(() => made.stop())
  await t.rejects(made.start(origin.port, HOST), { code: 'PTC_VERIFY_PLUGIN_FAILED' })
  t.ok(asked?.signal.aborted, 'its signal has aborted')
  t.equal(asked?.reenable(), 'ignored', 'and its answer reaches nothing')
})
