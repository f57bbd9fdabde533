import { test } from 'tap'
import { editRecordLines, editRecordsYaml } from '../../../core/config/record-edit.js'
import { parseRecordLines } from '../../../core/config/record-lines.js'
import { parseRecordsYaml } from '../../../core/config/records-yaml.js'

const NAME = 'proxy.config.http.server_ports'

test('the line of a record gets another value, and no other line changes', async t => {
  for (const [before, after] of [
    [`CONFIG ${NAME} STRING 1 2\n`, `CONFIG ${NAME} STRING 3 4\n`],
    [`  CONFIG\t${NAME}  STRING   1\r\n# ${NAME}\r\n`, `  CONFIG\t${NAME}  STRING   3 4\r\n# ${NAME}\r\n`],
    [`LOCAL ${NAME} STRING 1`, `LOCAL ${NAME} STRING 3 4`],
    ['# none\n', `# none\nCONFIG ${NAME} STRING 3 4\n`],
    [
      'CONFIG proxy.config.proxy_name STRING a',
      `CONFIG proxy.config.proxy_name STRING a\nCONFIG ${NAME} STRING 3 4\n`,
    ],
    ['', `CONFIG ${NAME} STRING 3 4\n`],
  ] as const) {
    t.equal(editRecordLines(before, NAME, '3 4'), after)
    t.equal(parseRecordLines(after, 'records.config').settings.get(NAME)?.value, '3 4')
  }
})

test('a record of a YAML text gets another value, and comments stay', async t => {
  const before = '# top\nrecords:\n  http: # group\n    server_ports: 1 # old\n  proxy_name: a\n'
  t.equal(editRecordsYaml(before, NAME, '3 4'), before.replace('1 # old', '3 4 # old'))
  const cases = ['', 'records:\n  proxy_name: a\n', 'ts:\n  http:\n    connect_ports: "443"\n', '# nothing\n']
  for (const text of cases) {
    const after = editRecordsYaml(text, NAME, '3 4')
    const { settings, problems } = parseRecordsYaml(after, 'records.yaml')
    t.strictSame(problems, [])
    t.equal(settings.get(NAME)?.value, '3 4', after)
  }
  t.equal(
    editRecordsYaml('records:\n  proxy_name: a # me\n', 'proxy.config.proxy_name', null),
    'records:\n  proxy_name: null # me\n',
  )
})
