/** Secrets in answers: in every form, and however the answer is cut. */
import fc from 'fast-check'
import { test } from 'tap'
import { Cleaner, Wanted } from '../../plugins/secrets/cleaner.js'

/** What a secret may be. */
const secrets = fc
  .string({
    minLength: 8,
    maxLength: 60,
    unit: fc.integer({ min: 0x20, max: 0x7e }).map(c => String.fromCharCode(c)),
  })
  .filter(text => text === text.trim() && new Set(text.toLowerCase()).size >= 6)

const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex')
const each = (text: string, to: (c: string, i: number) => string): string => [...text].map(to).join('')
const two = (c: string): string => hex(c)

/** Names of forms, and what each makes of a secret. */
const FORMS: Readonly<Record<string, (secret: string) => string>> = {
  plain: secret => secret,
  'lower case': secret => secret.toLowerCase(),
  'upper case': secret => secret.toUpperCase(),
  URL: secret => encodeURIComponent(secret),
  form: secret => new URLSearchParams({ a: secret }).toString().slice(2),
  'every byte behind a percent sign': secret => each(secret, c => `%${two(c).toUpperCase()}`),
  'percent signs escaped twice': secret => encodeURIComponent(encodeURIComponent(secret)),
  JSON: secret => JSON.stringify(secret).slice(1, -1),
  'JSON in JSON': secret => JSON.stringify(JSON.stringify(secret)).slice(3, -3),
  'JSON of PHP': secret => JSON.stringify(secret).slice(1, -1).replaceAll('/', '\\/'),
  'every byte as \\u': secret => each(secret, c => `\\u00${two(c)}`),
  'every byte as \\x': secret => each(secret, c => `\\x${two(c)}`),
  octal: secret => each(secret, c => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`),
  HTML: secret =>
    each(secret, c => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[c] ?? c),
  'HTML by numbers': secret => each(secret, (c, i) => (i % 2 ? `&#${c.charCodeAt(0)};` : `&#x${two(c)};`)),
  'HTML escaped twice': secret => each(secret, c => `&amp;#0${c.charCodeAt(0)};`),
  mixed: secret =>
    each(secret, (c, i) => [c, `%${two(c)}`, `\\u00${two(c)}`, `&#${c.charCodeAt(0)};`][i % 4] ?? c),
  hex,
  'hex in capitals': secret => hex(secret).toUpperCase(),
  'hex with colons': secret => (hex(secret).match(/../g) ?? []).join(':'),
  'a list of bytes': secret => (hex(secret).match(/../g) ?? []).join(', 0x'),
}

const BASE64: Readonly<Record<string, (text: string) => string>> = {
  base64: text => Buffer.from(text, 'latin1').toString('base64'),
  base64url: text => Buffer.from(text, 'latin1').toString('base64url'),
  'base64 in lines': text =>
    Buffer.from(text, 'latin1')
      .toString('base64')
      .replace(/(.{20})(?=.)/g, '$1\r\n'),
  'base64 in a URL': text => encodeURIComponent(Buffer.from(text, 'latin1').toString('base64')),
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

/** Runs a body through a cleaner, cut at these places. */
function clean(wanted: Wanted, body: string, cuts: readonly number[]): string {
  const cleaner = new Cleaner(wanted)
  const places = [0, ...[...cuts].map(cut => cut % (body.length + 1)).sort((a, b) => a - b), body.length]
  const out: Buffer[] = []
  let sent = 0
  for (let i = 1; i < places.length; i++) {
    const piece = bytes(body.slice(places[i - 1], places[i]))
    const passed = Buffer.from(cleaner.push(piece, false))
    piece.fill(0) // the memory is used again
    out.push(passed)
    sent += passed.length
    if (sent > (places[i] ?? 0)) throw new Error('more than has come')
  }
  out.push(cleaner.push(Buffer.alloc(0), true))
  return Buffer.concat(out).toString('latin1')
}

const noise = fc.string({
  maxLength: 40,
  unit: fc.integer({ min: 0, max: 255 }).map(c => String.fromCharCode(c)),
})
const cuts = fc.array(fc.nat(5000), { maxLength: 30 })

for (const [name, toForm] of Object.entries(FORMS)) {
  test(`a secret is removed from a body: ${name}`, async t => {
    const property = fc.property(secrets, noise, noise, cuts, (secret, before, after, places) => {
      const form = toForm(secret)
      const body = `${before}\n${form}\n${form}\n${after}`
      const found = clean(new Wanted([secret]), body, places)
      const masked = '*'.repeat(form.length)
      return found === `${before}\n${masked}\n${masked}\n${after}`
    })
    t.doesNotThrow(() => fc.assert(property, { numRuns: 150 }))
  })
}

for (const [name, toBase64] of Object.entries(BASE64)) {
  test(`a secret is removed from a body behind and before others: ${name}`, async t => {
    const part = fc.string({
      maxLength: 5,
      unit: fc.integer({ min: 0x21, max: 0x7e }).map(c => String.fromCharCode(c)),
    })
    const property = fc.property(secrets, part, part, noise, cuts, (secret, user, rest, before, places) => {
      const text = `${user}${secret}${rest}`
      const body = `${before}\n${toBase64(text)}\n`
      const found = clean(new Wanted([secret]), body, places)
      if (found.length !== body.length || !found.startsWith(`${before}\n`) || !found.endsWith('\n'))
        return false
      // Whatever base64 is left has no bit of the secret: it is the same for another secret of that length.
      const other = [...secret]
        .map(c => String.fromCharCode(0x21 + ((c.charCodeAt(0) * 7 + 13) % 94)))
        .join('')
      const twin = `${before}\n${toBase64(`${user}${other}${rest}`)}\n`
      const same = clean(new Wanted([other]), twin, places)
      return name === 'base64 in a URL' || found === same
    })
    t.doesNotThrow(() => fc.assert(property, { numRuns: 200 }))
  })
}

test('what is no secret passes as it is, and at once', async t => {
  const wanted = new Wanted(['sk-live-0123456789abcdef'])
  const property = fc.property(noise, noise, cuts, (one, two, places) => {
    const body = `${one}sk-live-012345678X${two}`
    return clean(wanted, body, places) === body
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }))
  const cleaner = new Cleaner(wanted)
  const event = bytes('data: {"delta":"tokens\\n \\"and\\" more"}\n\n')
  t.equal(
    cleaner.push(event, false).toString('latin1'),
    event.toString('latin1'),
    'an event of a stream is not held',
  )
})

test('a secret whose end is cut off is not shown', async t => {
  const secret = 'sk-live-0123456789abcdef'
  for (let length = 8; length < secret.length; length++)
    t.notMatch(clean(new Wanted([secret]), `a ${secret.slice(0, length)}`, [3, 9]), /sk-live/)
  t.equal(clean(new Wanted([secret]), 'a sk-li', [3]), 'a sk-li', 'a short begin may be anything')
})

test('the longest of several secrets is removed', async t => {
  const wanted = new Wanted(['abcdefgh', 'abcdefgh-ijkl', 'other-secret'])
  t.equal(
    clean(wanted, 'x abcdefgh-ijkl abcdefgh OTHER-SECRET y', [4, 12]),
    `x ${'*'.repeat(13)} ${'*'.repeat(8)} ${'*'.repeat(12)} y`,
  )
})

test('a hostile body takes no more than a bounded time', async t => {
  const secret = Array.from({ length: 400 }, (_, i) => 'abcd'[i % 4]).join('')
  const body = 'abcd'.repeat(16_000)
  const wanted = new Wanted([secret])
  const began = performance.now()
  clean(wanted, `${body.slice(0, -1)}!`, [1000, 30_000])
  t.ok(performance.now() - began < 20_000)
})
