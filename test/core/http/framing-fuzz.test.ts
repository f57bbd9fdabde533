/** Messages cut and mutated at random: a few seconds of it in every run, with the seed in the message of a failure. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import fc from 'fast-check'
import { type Test, test } from 'tap'
import { HttpParser } from '../../../core/http1/parser.js'
import { ProxyVConn } from '../../../core/vconn/vconn.js'
import { SMUGGLED } from '../../fixtures/smuggling/requests.js'
import { cuts, cutUp, forSeconds, mutate, mutation, SEEDS } from '../../kit/mutations.js'
import { hooksOf, pointOf } from '../../kit/quiet-points.js'
import { ask, listen, startListener } from '../../kit/running-listener.js'
import { PATIENCE } from '../../kit/watch.js'

const body = fc.string({ maxLength: 300, unit: 'binary-ascii' })
const chunks = fc.array(fc.string({ minLength: 1, maxLength: 60, unit: 'binary-ascii' }), { maxLength: 5 })
/** A body, and how it looks on the wire. */
const framed = fc.oneof(
  fc.constant({ body: '', fields: '', bytes: '' }),
  body.map(text => ({ body: text, fields: `Content-Length: ${text.length}\r\n`, bytes: text })),
  fc
    .tuple(chunks, fc.constantFrom('', ';a', ';a=b;c="d"'), fc.constantFrom('', 'X-T: 1\r\n'))
    .map(([parts, extension, trailers]) => ({
      body: parts.join(''),
      fields: 'Transfer-Encoding: chunked\r\n',
      bytes: `${parts.map(part => `${part.length.toString(16)}${extension}\r\n${part}\r\n`).join('')}0\r\n${trailers}\r\n`,
    })),
)

/** Turns of the loop in which client, proxy and origin, which all live here, take what is there for them. */
const TURNS = 30

/** Calls a function so many turns from now. */
function turnsLater(turns: number, call: () => void): void {
  if (turns === 0) call()
  else setImmediate(turnsLater, turns - 1, call)
}

/**
 * Sends pieces, each in a segment of its own, and reads until `isDone`, the end, or `patience` is over. Where the machine is
 * loaded, milliseconds alone would end exchanges that have not begun.
 */
function exchange(
  port: number,
  pieces: readonly Buffer[],
  patience: number,
  isDone: (text: string) => boolean = () => false,
): Promise<string> {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let text = ''
    const finish = (): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve(text)
    }
    const timer = setTimeout(() => turnsLater(TURNS, finish), patience)
    socket.on('error', finish).on('close', finish)
    socket.on('data', bytes => {
      text += bytes.toString('latin1')
      if (isDone(text)) finish()
    })
    const send = (n: number): void => {
      const piece = pieces[n]
      if (piece === undefined || socket.destroyed) return
      socket.write(piece, () => setImmediate(send, n + 1))
    }
    send(0)
  })
}

/** An origin that forgives what it can, as the worst origins do, and counts what it takes for requests. */
async function lenientOrigin(t: Test) {
  const seen: { readonly url: string; body: string }[] = []
  const server = createServer({ insecureHTTPParser: true }, (req: IncomingMessage, res: ServerResponse) => {
    const request = { url: req.url ?? '', body: '' }
    seen.push(request)
    req.on('data', bytes => (request.body += bytes.toString('latin1')))
    req.on('end', () => res.end(`${request.body.length};`))
  })
  return { authority: `127.0.0.1:${await listen(t, server)}`, seen }
}

test('requests are the same however they are cut', async t => {
  const { authority, seen } = await lenientOrigin(t)
  const { port } = await startListener(t)
  let runs = 0
  const property = fc.asyncProperty(
    fc.array(framed, { minLength: 1, maxLength: 4 }),
    cuts,
    async (sent, at) => {
      // The run before may have been interrupted, and its requests may still arrive.
      const path = `/${runs++}/`
      const bytes = sent.map(
        ({ fields, bytes: its }, n) =>
          `POST http://${authority}${path}${n} HTTP/1.1\r\nHost: x\r\n${fields}\r\n${its}`,
      )
      const last = `GET http://${authority}${path}last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
      const text = await exchange(port, cutUp(bytes.join('') + last, at), PATIENCE)
      const statuses = text.match(/HTTP\/1\.1 \d+/g) ?? []
      const expected = [
        ...sent.map(({ body: its }, n) => ({ url: `${path}${n}`, body: its })),
        { url: `${path}last`, body: '' },
      ]
      return (
        JSON.stringify(seen.filter(({ url }) => url.startsWith(path))) === JSON.stringify(expected) &&
        statuses.every(status => status === 'HTTP/1.1 200') &&
        statuses.length === expected.length
      )
    },
  )
  do await fc.assert(property, forSeconds(1.5))
  while (seen.length <= 50)
  t.pass(`${seen.length} requests`)
})

/** What a parser says about bytes, in pieces or as a whole. */
function told(pieces: readonly Buffer[]): string {
  const said: string[] = []
  let its = ''
  let isDone = false
  const parser: HttpParser = new HttpParser(
    'response',
    {
      onHead: () => {
        said.push(`${parser.status} ${parser.reason} ${parser.headers.join('|')}`)
        return 'asFramed'
      },
      onBody: bytes => {
        its += bytes.toString('latin1')
      },
      onMessage: () => {
        said.push(its, parser.trailers.join('|'))
        its = ''
        isDone = true
        return false
      },
    },
    4096,
  )
  try {
    for (const piece of pieces) {
      for (let rest = piece; rest.length > 0; ) {
        rest = rest.subarray(parser.execute(rest))
        if (isDone) parser.next()
        isDone = false
      }
    }
  } catch {
    said.push('failed')
  } finally {
    parser.free()
  }
  return JSON.stringify(said)
}

const response = framed.map(
  ({ fields, bytes }) =>
    `HTTP/1.1 200 OK\r\nA: b\r\n${fields === '' ? 'Content-Length: 0\r\n' : fields}\r\n${bytes}`,
)

test('responses are the same however they are cut', async t => {
  const property = fc.property(fc.array(response, { minLength: 1, maxLength: 4 }), cuts, (responses, at) => {
    const bytes = responses.join('')
    return (
      told(cutUp(bytes, at)) === told([Buffer.from(bytes, 'latin1')]) &&
      !told(cutUp(bytes, at)).includes('failed')
    )
  })
  fc.assert(property, forSeconds(0.7))
  t.pass('whatever the cuts')
})

test('an origin never sees more requests than the proxy has sent, whatever comes', async t => {
  const { authority, seen } = await lenientOrigin(t)
  let sent = 0
  const { port, done } = await startListener(t, {
    limits: { headersTimeout: 200, keepAliveTimeout: 200 },
    forwarder: {
      hooks: hooksOf({
        sendRequest: pointOf(({ reenable }) => {
          sent += 1
          reenable()
        }),
      }),
    },
    connector: { startPlain: tcp => new ProxyVConn('outbound', tcp, () => undefined).shown },
  })
  const message = fc.tuple(fc.constantFrom(...SEEDS), fc.array(mutation, { maxLength: 3 }), cuts)
  const property = fc.asyncProperty(fc.array(message, { minLength: 30, maxLength: 30 }), async batch => {
    await Promise.all(
      batch.map(([seed, mutations, at]) => {
        const valid = seed.replaceAll('ORIGIN', authority)
        const bytes = mutate(valid, mutations) + SMUGGLED.replaceAll('ORIGIN', authority)
        return exchange(port, cutUp(bytes, at), 60)
      }),
    )
    return seen.length <= sent
  })
  // On a loaded machine most exchanges end before an answer: the run goes on until enough messages were requests.
  do await fc.assert(property, { ...forSeconds(2.5), endOnFailure: true })
  while (seen.length <= 50)
  t.equal((await ask(port, `http://${authority}/`)).status, 200, 'and the proxy is well')
  t.comment(`${seen.length} of the messages were requests`)
  const errors = done.map(({ error }) => error?.code).filter(code => code === 'PTC_INTERNAL')
  t.same(errors, [], 'none was a defect of its own')
})

test('mutated responses never make the proxy fall', async t => {
  const property = fc.property(
    response,
    fc.array(mutation, { minLength: 1, maxLength: 4 }),
    cuts,
    (valid, how, at) => {
      const bytes = mutate(valid, how)
      return told(cutUp(bytes, at)).length > 0
    },
  )
  fc.assert(property, forSeconds(0.5))
  t.pass('whatever comes')
})
