/** ClientHellos of test/fixtures/hellos. */
import { readFileSync } from 'node:fs'

type Client =
  | `Node ${20 | 22 | 24 | 26}`
  | 'Chromium 156'
  | 'Chromium 156, again'
  | 'curl 7.88, OpenSSL 3.0'
  | 'NSS 3.87, ECH GREASE'
  | 'NSS 3.87, ECH'

const texts = JSON.parse(readFileSync('test/fixtures/hellos/hellos.json', 'utf8')) as Record<Client, string>

/** The name that all of them ask for in plaintext, but for the real ECH. */
export const RECORDED_NAME = 'a.example'

export const RECORDED = Object.keys(texts) as readonly Client[]

/** Its bytes, in records. */
export const recordedHello = (client: Client): Buffer => Buffer.from(texts[client], 'base64')
