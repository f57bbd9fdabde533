/** What becomes of the parents of a squid.conf. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { migrate } from '../../../core/migrate/migrate.js'
import { makeTempDir } from '../../kit/temp-dir.js'

function migrated(t: Test, ...lines: readonly string[]) {
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const from = makeTempDir()
  t.teardown(from.remove)
  from.file('squid.conf', `http_port 3128\nhttp_access allow localhost\n${lines.join('\n')}\n`)
  const to = join(dir.path, 'to')
  const { findings } = migrate({ from: undefined, dir: from.path, to, shipped: new Set(['access_rules']) })
  const read = (name: string): string => {
    try {
      return readFileSync(join(to, name), 'utf8')
    } catch {
      return ''
    }
  }
  return {
    undecided: findings.all.filter(({ outcome }) => outcome === 'undecided').map(({ what }) => what),
    read,
  }
}

test('parents for all requests become a line of parent.config', async t => {
  for (const [lines, line] of [
    [['cache_peer p.example parent 3128 0 no-query'], 'dest_domain=. parent="p.example:3128" go_direct=true'],
    [
      ['cache_peer p.example parent 3128 0 no-query default', 'never_direct allow all'],
      'dest_domain=. parent="p.example:3128" go_direct=false',
    ],
    [
      [
        'cache_peer p1.example parent 3128 0 round-robin name=a',
        'cache_peer 192.0.2.1 parent 3129 0 round-robin weight=2',
        'cache_peer_access a allow all',
        'never_direct allow all',
      ],
      'dest_domain=. parent="p1.example:3128;192.0.2.1:3129" round_robin=strict go_direct=false',
    ],
    [
      ['cache_peer p1.example parent 3128 0 carp weight=3', 'cache_peer p2.example parent 3128 0 carp'],
      'dest_domain=. parent="p1.example:3128|3;p2.example:3128" round_robin=consistent_hash go_direct=true',
    ],
    [
      ['cache_peer p.example parent 443 0 tls tlscafile=/etc/ca.pem'],
      'dest_domain=. parent="https://p.example:443" go_direct=true',
    ],
  ] as const) {
    const { undecided, read } = migrated(t, ...lines)
    t.same(undecided, [], line)
    t.equal(read('parent.config'), `${line}\n`)
    t.equal(
      /parent_proxy\.CA\.cert\.filename STRING \/etc\/ca\.pem/.test(read('records.config')),
      /https/.test(line),
    )
  }
})

test('what cannot be kept is for the operator, with nothing converted', async t => {
  for (const lines of [
    ['cache_peer p.example sibling 3128 0'],
    ['cache_peer p.example parent 3128 0 login=ann:secret'],
    ['cache_peer p.example parent 3128 0 login=PASSTHRU'],
    ['cache_peer p.example parent 3128 0 originserver'],
    ['cache_peer p.example parent 99999 0'],
    ['cache_peer p.example parent 3128 0 carp weight=0'],
    ['cache_peer p.example parent 3128 0', 'cache_peer_access p.example allow some'],
    ['cache_peer p.example parent 3128 0', 'cache_peer_access p.example deny all'],
    ['cache_peer p.example parent 3128 0', 'never_direct allow some'],
    ['cache_peer p.example parent 3128 0', 'cache_peer q.example parent 3128 0 login=PASS'],
  ]) {
    const { undecided, read } = migrated(t, ...lines)
    t.ok(undecided.length >= 1, lines.join())
    t.equal(read('parent.config'), '')
    t.notMatch(undecided.join(), /secret/)
  }
  const { undecided, read } = migrated(t, 'cache_peer p.example parent 3128 0', 'always_direct allow inside')
  t.match(undecided, [/always_direct allow: write lines with dest_domain/])
  t.match(read('parent.config'), /p\.example/)
})
