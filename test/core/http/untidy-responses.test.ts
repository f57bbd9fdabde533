/** Untidy responses are mended for the client, or refused, and never share a connection with another response. */
import fc from 'fast-check'
import { type Test, test } from 'tap'
import { isBodiless } from '../../../core/http1/messages.js'
import type { MessageEvents } from '../../../core/http1/parser.js'
import { ResponseReader } from '../../../core/http1/response-reader.js'
import { FALSELY_FRAMED, SMUGGLING_RESPONSES, UNTIDY_RESPONSES } from '../../fixtures/smuggling/responses.js'
import { rawClient } from '../../kit/client.js'
import { parseResponse } from '../../kit/http-response.js'
import { cuts, cutUp, forSeconds, mutate, mutation } from '../../kit/mutations.js'
import { type RawOrigin, rawOrigin } from '../../kit/raw-origin.js'
import { ask, type RunningListener, startListener } from '../../kit/running-listener.js'

const HTTP1 = { maxHeadBytes: 65_536, hasPrivateLogins: true }
const STRICT = { connector: { http1: () => ({ ...HTTP1, isLenient: false }) } }

/** An origin that answers every request with these bytes, in these pieces, and then ends. */
async function answering(t: Test, pieces: () => readonly (Buffer | string)[]): Promise<RawOrigin> {
  const origin = await rawOrigin(async connection => {
    await connection.until(() => connection.text().includes('\r\n\r\n') || undefined, 'a request')
    for (const piece of pieces()) {
      connection.send(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)
      await new Promise(setImmediate)
    }
  })
  t.teardown(origin.stop)
  return origin
}

for (const { name, bytes, status, fields = {}, body = 'ok' } of [...UNTIDY_RESPONSES, ...FALSELY_FRAMED]) {
  test(`${name}: mended`, async t => {
    const listener = await startListener(t)
    for (const isCut of [false, true]) {
      const isUntilEnd = bytes.startsWith('HTTP/1.0')
      const origin = await rawOrigin(async connection => {
        await connection.until(() => connection.text().includes('\r\n\r\n') || undefined, 'a request')
        for (const piece of isCut ? bytes : [bytes]) {
          connection.send(Buffer.from(piece, 'latin1'))
          if (isCut) await new Promise(setImmediate)
        }
        if (isUntilEnd) connection.end()
      })
      const answer = await ask(listener.port, `http://127.0.0.1:${origin.port}/`)
      t.equal(answer.status, status)
      t.equal(answer.body, body)
      for (const [field, value] of Object.entries(fields))
        t.equal(answer.headers[field] ?? null, value, field)
      t.equal(listener.connector.idleConnections, 0, 'the connection is not kept')
      await (await origin.connection(0)).until(() => origin.connections[0]?.endedAt, 'its end')
      await origin.stop()
    }
  })
}

test('strictly read, all that would be mended becomes a page or a cut', async t => {
  const listener = await startListener(t, STRICT)
  for (const { name, bytes } of UNTIDY_RESPONSES) {
    const origin = await answering(t, () => [bytes])
    await ask(listener.port, `http://127.0.0.1:${origin.port}/`).catch(() => undefined)
    t.match(listener.done.at(-1), { error: { code: 'PTC_RESPONSE_MALFORMED' } }, name)
    t.equal(listener.connector.idleConnections, 0)
    await origin.stop()
  }
})

/** What a reader says about the pieces of one response, and whether it mended them. */
function read(pieces: readonly Buffer[], isLenient: boolean): { said: string; isUntidy: boolean } {
  const said: string[] = []
  let body = ''
  let isOver = false
  const events: MessageEvents = {
    onHead: () => {
      const { status, reason, headers } = reader.message
      const fields = []
      for (let i = 0; i < headers.length; i += 2)
        fields.push(`${headers[i]?.toLowerCase()}: ${headers[i + 1]}`)
      said.push(`${status} ${reason}`, ...fields.sort())
      return isBodiless(status) ? 'none' : 'asFramed'
    },
    onBody: bytes => {
      body += bytes.toString('latin1')
    },
    onMessage: () => {
      isOver = true
      return false
    },
  }
  const reader = new ResponseReader(events, 65_536)
  reader.expect(65_536, isLenient)
  try {
    for (const piece of pieces.filter(({ length }) => length > 0)) {
      if (isOver) said.push('more')
      else if (reader.execute(piece) < piece.length) said.push('more')
    }
    if (!isOver && !reader.finish()) said.push('incomplete')
    said.push(body, reader.message.trailers.join('|'))
  } catch {
    said.push('refused')
  } finally {
    reader.free()
  }
  return { said: JSON.stringify(said), isUntidy: reader.isUntidy }
}

const word = fc.stringMatching(/^[a-z0-9:;,=]{1,8}$/)
const field = fc.tuple(fc.stringMatching(/^X-[a-z]{1,6}$/), fc.array(word, { minLength: 1, maxLength: 3 }))
const chunk = fc.string({ minLength: 1, maxLength: 40, unit: 'binary-ascii' })
const mess = fc.record({
  lineEnd: fc.constantFrom('\r\n', '\n'),
  fold: fc.constantFrom(' ', '\r\n ', '\r\n\t ', '\n '),
  colon: fc.constantFrom(':', ' :', '\t:'),
  lengths: fc.constantFrom(1, 2, 3),
  padding: fc.constantFrom('', ' ', '     ', '\t'),
})
const TIDY = { lineEnd: '\r\n', fold: ' ', colon: ':', lengths: 1, padding: '' }

/** A response as it looks on the wire. */
function written(
  fields: readonly (readonly [string, readonly string[]])[],
  chunks: readonly string[],
  isChunked: boolean,
  how: typeof TIDY,
): string {
  const { lineEnd, fold, colon, lengths, padding } = how
  const lines = ['HTTP/1.1 200 OK', ...fields.map(([name, words]) => `${name}${colon} ${words.join(fold)}`)]
  const body = chunks.join('')
  if (isChunked) lines.push(`Transfer-Encoding${colon} chunked`)
  else for (let i = 0; i < lengths; i++) lines.push(`Content-Length${colon} ${body.length}`)
  const framed = [...chunks, ''].map(
    text => `${text.length.toString(16)}${padding}\r\n${text}${text && '\r\n'}`,
  )
  return `${lines.join(lineEnd)}${lineEnd}${lineEnd}${isChunked ? `${framed.join('')}\r\n` : body}`
}

test('a mended response is the tidy one, and a strict reader refuses what was mended', async t => {
  let messy = 0
  const property = fc.property(
    fc.array(field, { maxLength: 4 }),
    fc.array(chunk, { maxLength: 4 }),
    fc.boolean(),
    mess,
    cuts,
    (fields, chunks, isChunked, how, at) => {
      const tidy = written(fields, chunks, isChunked, TIDY)
      const bytes = written(fields, chunks, isChunked, how)
      const expected = read([Buffer.from(tidy, 'latin1')], false)
      const mended = read(cutUp(bytes, at), true)
      const strict = read(cutUp(bytes, at), false)
      if (bytes !== tidy) messy += 1
      return (
        !expected.said.includes('refused') &&
        mended.said === expected.said &&
        mended.isUntidy === (bytes !== tidy) &&
        strict.said.includes('"refused"') === (bytes !== tidy)
      )
    },
  )
  do fc.assert(property, forSeconds(1))
  while (messy < 50)
  t.pass(`${messy} untidy responses`)
})

test('a lenient reader takes what a strict one takes for the same, and marks what only it takes', async t => {
  const seeds = [...UNTIDY_RESPONSES, ...FALSELY_FRAMED, ...SMUGGLING_RESPONSES]
    .map(({ bytes }) => bytes)
    .filter(bytes => bytes.length < 1000)
  const property = fc.property(
    fc.constantFrom(...seeds),
    fc.array(mutation, { maxLength: 3 }),
    cuts,
    (seed, mutations, at) => {
      const pieces = cutUp(mutate(seed, mutations), at)
      const strict = read(pieces, false)
      const lenient = read(pieces, true)
      return strict.said.includes('"refused"')
        ? lenient.isUntidy || /"(?:refused|incomplete)"/.test(lenient.said)
        : lenient.said === strict.said && !lenient.isUntidy
    },
  )
  fc.assert(property, forSeconds(1))
  t.pass('whatever comes')
})

/** Everything that a client is sent behind interim responses. */
async function relayed(listener: RunningListener, pieces: readonly Buffer[]): Promise<Buffer> {
  const origin = await rawOrigin(async connection => {
    await connection.until(() => connection.text().includes('\r\n\r\n') || undefined, 'a request')
    for (const piece of pieces) {
      connection.send(piece)
      await new Promise(setImmediate)
    }
    await new Promise(resolve => setTimeout(resolve, 20)) // what is complete before its end is not closed by it
    connection.end()
  })
  const client = await rawClient(listener.port)
  client.send(`GET http://127.0.0.1:${origin.port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  await client.ended(20_000)
  let bytes = client.pending()
  client.stop()
  await origin.stop()
  for (;;) {
    const interim = parseResponse(bytes, 'GET', true)
    if (interim === undefined || interim.status >= 200) return bytes
    bytes = bytes.subarray(interim.size)
  }
}

test('one response reaches the client, whatever the origin sends', async t => {
  const seeds = UNTIDY_RESPONSES.map(({ bytes }) => bytes).filter(bytes => !bytes.startsWith('HTTP/1.0'))
  const splitting = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSECRET'
  const listener = await startListener(t)
  let whole = 0
  let running: Promise<boolean[]> | undefined
  const response = fc.tuple(fc.constantFrom(...seeds), fc.array(mutation, { maxLength: 2 }), cuts)
  const property = fc.asyncProperty(fc.array(response, { minLength: 8, maxLength: 8 }), async batch => {
    running = Promise.all(
      batch.map(async ([seed, mutations, at]) => {
        const bytes = mutate(seed, mutations) + splitting
        const text = await relayed(listener, cutUp(bytes, at))
        const answer = parseResponse(text, 'GET', true)
        if (answer !== undefined) whole += 1
        return answer === undefined || answer.size === text.length
      }),
    )
    return !(await running).includes(false)
  })
  do {
    await fc.assert(property, { ...forSeconds(2), endOnFailure: true })
    await running // time may have run out in the middle of a batch
  } while (whole === 0)
  t.pass(`${whole} whole responses`)
})
