import { test } from 'tap'
import { Forwarder } from '../../../../core/http/transaction/forward.js'

test('the login of a switch of protocols is noted before the request waits for its turn', async t => {
  const done: string[] = []
  const options = {
    queue: { size: 1, run: () => done.push('waits') },
    tunnels: { login: () => done.push('noted') },
  }
  const forwarder = new Forwarder(options as never)
  const reqOf = (isUpgrade: boolean) => ({ isUpgrade, url: 'http://a.test/', client: { network: 'n' } })
  forwarder.handle(reqOf(true) as never, {} as never)
  t.strictSame(done.splice(0), ['noted', 'waits'], 'a reload that comes then takes the login away')
  forwarder.handle(reqOf(false) as never, {} as never)
  t.strictSame(done, ['waits'])
})
