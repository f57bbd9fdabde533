import { test } from 'tap'
import { parseGroupFile } from '../../../core/config/group-file.js'

test('a file of groups', async t => {
  const groups = parseGroupFile(
    '# teams\nstaff: ann bob\r\n\nadmins : ann\nstaff: "Cid Smith" "a \\"b\\" c"\nempty:\n',
    'f',
  )
  t.strictSame(
    [...groups],
    [
      ['ann', ['staff', 'admins']],
      ['bob', ['staff']],
      ['Cid Smith', ['staff']],
      ['a "b" c', ['staff']],
    ],
  )
  t.equal(parseGroupFile('', 'f').size, 0, 'an empty file gives no user a group')
})

test('mistakes in a file of groups are named', async t => {
  for (const [text, what] of [
    ['staff ann bob', /f:1: "staff ann bob" is not group: user user/],
    [': ann', /f:1: /],
    ['two words: ann', /f:1: .* is not group/],
    ['a: ann\nstaff: "ann bob', /f:2: "\\"ann bob" is no name/],
    ['staff: ann"bob', /f:1: .*double quotes/],
    ['staff: "ann"bob', /f:1: .*double quotes/],
    ['staff: "a\tb"', /f:1: .*control character/],
  ] as const)
    t.throws(() => parseGroupFile(text, 'f'), { code: 'PTC_GROUP_FILE_INVALID', message: what }, text)
})
