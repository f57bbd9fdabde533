import { test } from 'tap'
import { parseHtpasswd } from '../../../core/config/htpasswd.js'

const HASH = `10$${'a'.repeat(53)}`

test('an htpasswd file', async t => {
  const users = parseHtpasswd(`# people\nann:$2y$${HASH}\n\nbob:$2b$${HASH}\r\n`, 'f')
  t.strictSame(
    [...users],
    [
      ['ann', `$2b$${HASH}`],
      ['bob', `$2b$${HASH}`],
    ],
  )
})

test('mistakes in an htpasswd file are named, and hashes are not shown', async t => {
  for (const [line, what] of [
    ['ann:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=', /f:1: "ann" has an unsalted SHA-1 hash.*htpasswd -B$/],
    ['ann:$apr1$8sFt66rZ$5Jbc', /MD5/],
    ['ann:$6$salt$hash', /SHA-2/],
    ['ann:secret', /no bcrypt hash/],
    [`ann:$2y$31$${'a'.repeat(53)}`, /cost of 31; it must be 4 to 15/],
    ['ann:$2y$10$short', /damaged/],
    ['ann', /not name:hash/],
    [`:$2y$${HASH}`, /not name:hash/],
    [`ann:$2y$${HASH}\nann:$2y$${HASH}`, /f:2: "ann" is listed twice/],
    ['# nobody', /names nobody/],
  ] as const) {
    t.throws(() => parseHtpasswd(line, 'f'), { code: 'PTC_HTPASSWD_INVALID', message: what }, line)
    try {
      parseHtpasswd(line, 'f')
    } catch (error) {
      t.notMatch(String(error), /qUqP|5Jbc|secret|aaaa/)
    }
  }
})
