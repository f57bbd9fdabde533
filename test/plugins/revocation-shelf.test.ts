/** How answers are kept and renewed, and lists of a million entries. */
import { type Test, test } from 'tap'
import { certificatesOf } from '../../core/testing/kit.js'
import { AnswerFiles } from '../../plugins/revocation/answer-files.js'
import { lookUp, openList } from '../../plugins/revocation/crl.js'
import { type Keepable, makeMemory, Shelf, type Source } from '../../plugins/revocation/shelf.js'
import { Subjects } from '../../plugins/revocation/subject.js'
import { longList } from '../kit/long-list.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { poll } from '../kit/watch.js'
import { leafOf, root } from './revocation-kit.js'

const HOUR = 3_600_000

interface Note extends Keepable {
  readonly text: string
}

/** A shelf whose clock the test moves. */
function shelve(t: Test, files?: AnswerFiles) {
  let now = 1_800_000_000_000
  t.intercept(Date, 'now', { value: () => now })
  const timers: { readonly at: number; readonly fn: () => void }[] = []
  const notes: string[] = []
  const make = () =>
    new Shelf<Note>(makeMemory(10_000), {
      maxFetches: 2,
      files,
      maxAge: undefined,
      schedule: (fn, ms) => void timers.push({ at: now + ms, fn }),
      warn: text => void notes.push(text),
      isRenewing: true,
    })
  const shelf = make()
  const fetched: string[] = []
  let next: () => Note | Promise<Note>
  const source: Source<Note> = {
    url: 'http://a.test/',
    key: 'a',
    maxBytes: 1000,
    open: async bytes => JSON.parse(bytes.toString()),
    fetch: async () => {
      const value = await next()
      fetched.push(value.text)
      return { value, bytes: Buffer.from(JSON.stringify(value)) }
    },
  }
  return {
    notes,
    fetched,
    timers,
    /** A shelf of another process, with a memory of its own. */
    another: () => {
      const other = make()
      return async () => (await other.get(source)).value.text
    },
    get: async (more: Partial<Source<Note>> = {}) => (await shelf.get({ ...source, ...more })).value.text,
    answers: (fn: () => Note | Promise<Note>) => (next = fn),
    note: (text: string, from = 0, to = 8): Note => ({
      text,
      size: 1,
      thisUpdate: now + from * HOUR,
      nextUpdate: now + to * HOUR,
    }),
    /** Moves the clock by hours, minute by minute of the timers. */
    pass: async (hours: number) => {
      for (const end = now + hours * HOUR; now < end; ) {
        now += 60_000
        for (const timer of timers.splice(0)) timer.at <= now ? timer.fn() : timers.push(timer)
        await new Promise(setImmediate)
      }
    },
  }
}

test('an answer in use is fetched again before it ends', async t => {
  const it = shelve(t)
  it.answers(() => it.note(`${it.fetched.length}`))
  t.equal(await it.get(), '0')
  t.equal(await it.get(), '0')
  await it.pass(5.9)
  t.equal(it.fetched.length, 1)
  await it.pass(0.2)
  t.equal(it.fetched.length, 2, 'after three quarters of its life')
  t.equal(await it.get(), '1')
  await it.pass(6.1)
  await it.pass(20)
  t.equal(it.fetched.length, 3, 'one that nothing uses is not')
  t.equal(await it.get(), '3', 'it has ended, and the next use fetches')
})

test('an answer stays in force while its source is down, and says so once in a while', async t => {
  const it = shelve(t)
  it.answers(() => it.note('old'))
  await it.get()
  await it.get()
  it.answers(() => Promise.reject(new Error('down')))
  await it.pass(7)
  t.equal(await it.get(), 'old')
  t.match(it.notes[0], 'http://a.test/: not renewed: down')
  t.ok(it.notes.length < 70, `${it.notes.length}`)
  await it.pass(1.2)
  await t.rejects(it.get(), { message: 'down' }, 'until it ends')
})

test('an older answer does not take the place of a younger one', async t => {
  const it = shelve(t)
  it.answers(() => it.note('young'))
  await it.get()
  await it.get()
  const replayed = it.note('replayed', -1, 100)
  it.answers(() => replayed)
  await it.pass(6.5)
  t.strictSame(it.fetched, ['young', 'replayed'])
  t.equal(await it.get(), 'young')
})

test('processes with one folder share what was fetched, and an older answer replaces none', async t => {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const files = new AnswerFiles(dir.path)
  const it = shelve(t, files)
  const getThere = it.another()
  const first = it.note('first')
  it.answers(() => first)
  t.strictSame([await it.get(), await getThere()], ['first', 'first'])
  t.strictSame(it.fetched, ['first'], 'by one of them')
  const second = it.note('second', 1, 100)
  it.answers(() => second)
  await it.pass(6.5)
  await it.get()
  const isStored = async (): Promise<boolean> => (await files.read('a', 1000))?.includes('second') === true
  await poll(isStored, 'the second answer in its file')
  const replayed = it.note('replayed', -6, 100)
  it.answers(() => replayed)
  await poll(async () => (await getThere()) === 'second', 'what it has brought')
  t.strictSame(it.fetched, ['first', 'second'], 'the other has not fetched')
  t.equal(await it.another()(), 'second', 'a process that starts later')
})

test('equal questions are one fetch, and fetches have a bound', async t => {
  const it = shelve(t)
  const held: ((note: Note) => void)[] = []
  it.answers(() => new Promise(resolve => held.push(resolve)))
  const asked = [it.get(), it.get(), it.get({ key: 'b' })]
  await t.rejects(it.get({ key: 'c' }), { message: 'too many sources are being asked' })
  t.equal(held.length, 2)
  for (const answer of held) answer(it.note('x'))
  t.strictSame(await Promise.all(asked), ['x', 'x', 'x'])
})

test('what comes already ended is no answer, and is remembered as a failure', async t => {
  const it = shelve(t)
  it.answers(() => it.note('ended', -9, -1))
  await t.rejects(it.get(), /it ended on/)
  await t.rejects(it.get(), /it ended on/)
  t.strictSame(it.fetched, ['ended'])
})

test('a list of 30 MB is read in slices, between which the event loop goes on', async t => {
  const COUNT = 600_000
  const { list, serial } = longList(root, COUNT)
  t.ok(list.length > 29_000_000, `${list.length} bytes`)
  const leaf = leafOf('basicConstraints=CA:FALSE')
  const [certificate, issuer] = certificatesOf(leaf.chain)
  if (certificate === undefined || issuer === undefined) return
  const subject = new Subjects().of(certificate, issuer, true)
  let turns = 0
  let isOver = false
  const turn = (): void => {
    turns += 1
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  const read = await openList(list, subject.issuer)
  isOver = true
  t.ok(turns > 20, `${turns} turns of the event loop`)
  const find = (i: number) => read.index.find(Buffer.from(serial(i), 'hex'))
  for (const i of [0, 2, COUNT, 2 * COUNT - 2])
    t.match(find(i), { at: Date.UTC(2026, 0, 2), reason: 4 }, `${i}`)
  for (const i of [1, 3, 2 * COUNT - 1, 2 * COUNT]) t.equal(find(i), undefined, `${i}`)
  t.equal(lookUp(read, subject, []), undefined)
  t.ok(read.size < list.length * 1.5)
})
