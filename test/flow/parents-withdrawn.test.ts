/** A plugin holds a request. The end of its parent's acceptance meanwhile reaches it. */
import { test } from 'tap'
import { accept } from '../../core/api/verdict.js'
import { get } from '../kit/client.js'
import { httpsOrigin, startConnecting, testRoot } from '../kit/connecting.js'
import { HookGate, SEND_REQUEST } from '../kit/gate.js'
import { startParent } from '../kit/parent-proxy.js'
import { moveDate } from '../kit/wall-clock.js'

const HOST = 'localhost'

for (const scheme of ['http', 'https'] as const)
  test(`an acceptance of a parent that ends while a request is held is made anew: ${scheme}`, async t => {
    const leaf = await (await testRoot()).issue({ cn: HOST })
    const parent = await startParent(t, { tls: { certPem: leaf.chainPem, keyPem: leaf.keyPem } })
    const url =
      scheme === 'http' ? `http://${HOST}/` : `https://${HOST}:${(await httpsOrigin(t, HOST)).port}/`
    const holding = new HookGate({ [SEND_REQUEST]: () => {} })
    const { proxy, gate } = await startConnecting(t, {
      hosts: [],
      files: { 'parent.config': `dest_domain=. parent="https://${HOST}:${parent.port}" go_direct=false\n` },
      clientGates: [holding],
      answer: event =>
        void event.reenable(event.port === parent.port ? accept({ expiresIn: 60_000 }) : undefined),
    })
    const answer = get(proxy.port, url)
    const one = await holding.next(SEND_REQUEST)
    const asked = gate.asked.length
    moveDate(t, 61_000)
    one.reenable()
    const two = await holding.next(SEND_REQUEST, 1)
    two.reenable()
    t.equal((await answer).status, 200)
    t.equal(gate.asked.length, 2 * asked)
  })

test('a tunnel that waits for its client is led through its parent anew after the end of that acceptance', async t => {
  const root = await testRoot()
  const leaf = await root.issue({ cn: HOST })
  const parent = await startParent(t, { tls: { certPem: leaf.chainPem, keyPem: leaf.keyPem } })
  const { port } = await httpsOrigin(t, HOST)
  const { gate, open } = await startConnecting(t, {
    hosts: [],
    files: { 'parent.config': `dest_domain=. parent="https://${HOST}:${parent.port}" go_direct=false\n` },
    answer: event =>
      void event.reenable(event.port === parent.port ? accept({ expiresIn: 60_000 }) : undefined),
  })
  const { client, answer } = await open(`${HOST}:${port}`)
  t.equal(answer.status, 200)
  const ofParent = (): number => gate.asked.filter(event => event.port === parent.port).length
  const before = ofParent()
  moveDate(t, 61_000)
  const inside = await client.secure({ ca: root.certPem, servername: HOST })
  inside.send(`GET / HTTP/1.1\r\nHost: ${HOST}:${port}\r\n\r\n`)
  t.equal((await inside.response()).status, 200)
  t.ok(ofParent() > before, 'the parent is judged anew')
})
