import { test } from 'tap'
import { draw, LEGEND } from './picture.js'
import { colours, noColours } from './screen.js'
import type { Story } from './story.js'

const ESCAPE = String.fromCharCode(27)

const held: Story = {
  host: 'held.example',
  client: { answeredAt: 3010, status: 200 },
  proxy: { parkedAt: 8, decidedAt: 3009, plugin: 'p', verdict: 'accept' },
  origin: { helloAt: 5, nextAt: 3010, hasFinished: true, requests: 1 },
}
const refused: Story = {
  host: 'refused.example',
  client: { answeredAt: 20, status: 502 },
  proxy: { parkedAt: 8, decidedAt: 9, plugin: 'p', verdict: 'reject' },
  origin: { helloAt: 5, nextAt: 10, alert: 'bad_certificate', hasFinished: false, requests: 0 },
}
const begun: Story = { host: 'a.example', client: {}, proxy: {}, origin: { hasFinished: false, requests: 0 } }

test('the picture', async t => {
  t.test('puts words into a bar that has room for them, and behind one that has not', async t => {
    const lines = draw([refused, held], 3020, { width: 80, paint: noColours })
    t.equal(lines[2], '  client  ├┤ 502 after 20 ms')
    t.equal(lines[3], '  proxy   ██ parked 1 ms; p says reject')
    t.equal(lines[4], '  origin  ▾✖ alert bad_certificate; no Finished, no request')
    t.match(lines[7], /^ {2}client {2}├─+ waits 3\.01 s ─+┤ 200$/)
    t.match(lines[8], /^ {2}proxy {3}█+ parked 3\.00 s by p █+ accept$/)
    t.match(lines[9], /^ {2}origin {2}▾·+ not a byte for 3\.00 s ·+✔ request$/)
  })

  t.test('has bars without an end for what goes on, and nothing for what has not begun', async t => {
    const parked = { ...held, client: {}, proxy: { parkedAt: 8, plugin: 'p' } }
    const lines = draw([parked, begun], 1500, { width: 80, paint: noColours })
    t.match(lines[2], /^ {2}client {2}├─+ waits ─+$/)
    t.match(lines[3], /^ {2}proxy {3}█+ parked, p holds it █+$/)
    t.strictSame(lines.slice(-2), ['  proxy', '  origin'])
  })

  t.test('fits into its width, the legend as well', async t => {
    const slow = { ...held, client: { answeredAt: 9000, status: 200 } }
    for (const width of [64, 80, 110]) {
      const lines = draw([refused, held, slow], 9000, { width, paint: noColours })
      t.strictSame(
        lines.filter(line => line.length > width),
        [],
      )
    }
    t.ok(LEGEND.length + 2 <= 80)
  })

  t.test('is the same with colours, but for the colours', async t => {
    const strip = (line: string): string =>
      line
        .split(ESCAPE)
        .map(part => part.replace(/^\[\d+m/, ''))
        .join('')
    const painted = draw([refused, held], 3020, { width: 80, paint: colours })
    t.strictSame(painted.map(strip), draw([refused, held], 3020, { width: 80, paint: noColours }))
    t.not(painted[2], strip(painted[2] ?? ''))
  })
})
