import { test } from 'tap'
import { RelayedLink } from '../../../core/vconn/origin-link.js'
import { FakeClientLink } from '../../kit/fake-client.js'
import { SinkLog } from '../../kit/fake-link.js'

test('what was stored goes to the sink that is attached, also where one takes the place of another meanwhile', async t => {
  const under = new FakeClientLink()
  const link = new RelayedLink(under, Buffer.from('first '))
  under.receive('second ')
  under.receive('third ')
  const next = new SinkLog()
  const one = new SinkLog(() => {
    if (one.said.length === 1) link.attach(next)
  })
  link.attach(one)
  under.receive('fourth')
  t.same(one.said, ['first '])
  t.same(next.said, ['second ', 'third ', 'fourth'])
})
