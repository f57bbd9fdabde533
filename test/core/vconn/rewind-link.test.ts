import { test } from 'tap'
import { RewindLink } from '../../../core/vconn/rewind-link.js'
import { FakeClientLink } from '../../kit/fake-client.js'
import { SinkLog } from '../../kit/fake-link.js'

const unread = (link: FakeClientLink, text: string): RewindLink => new RewindLink(link, Buffer.from(text))

test('bytes put back come first, once, and then those of the link', async t => {
  const link = new FakeClientLink()
  const first = new SinkLog()
  const outer = unread(link, 'put back')
  outer.attach(first)
  link.receive('later')
  t.same(first.said, ['put back', 'later'])
  const second = new SinkLog()
  outer.attach(second)
  link.receive('more')
  t.same(second.said, ['more'])
  t.equal(first.said.length, 2)
})

test('put back twice, they come in the order of the wire', async t => {
  const link = new FakeClientLink()
  const sink = new SinkLog()
  new RewindLink(unread(link, 'second '), Buffer.from('first ')).attach(sink)
  link.receive('third')
  t.same(sink.said, ['first ', 'second ', 'third'])
})

test('a receiver that pauses at the bytes put back stays paused', async t => {
  class Eager extends FakeClientLink {
    override attach(sink: SinkLog): void {
      super.attach(sink)
      this.resume() // as a link over TLS does
    }
  }
  const link = new Eager()
  const outer = unread(link, 'much')
  outer.attach(new SinkLog(() => outer.pause()))
  t.ok(link.isPaused)
  outer.resume()
  t.notOk(link.isPaused)
})

test('a receiver may destroy the link at the bytes put back', async t => {
  const link = new FakeClientLink()
  const outer = unread(link, 'bad')
  const sink = new SinkLog(() => outer.destroy())
  outer.attach(sink)
  t.ok(link.isClosed)
  t.same(sink.said, ['bad'])
})

test('everything else is the link’s', async t => {
  const link = new FakeClientLink()
  const outer = unread(link, '')
  const sink = new SinkLog()
  outer.attach(sink)
  t.same(sink.said, [], 'no bytes, no call')
  outer.write(Buffer.from('down'))
  t.equal(link.sent().toString(), 'down')
  t.equal(outer.bytesWritten, 4)
  outer.end()
  t.ok(link.hasEnded)
  outer.reset()
  t.ok(link.wasReset)
  t.match(outer, { isClosed: true, isHolding: false, remoteAddress: link.remoteAddress })
})
