/** What shows that a reload takes over the records about error pages. */
import { get } from '../kit/client.js'
import { HOST, type ReloadCases, type Stage } from '../kit/reloading.js'

const PAGES = {
  'one/default/connect#failed_connect': 'page one',
  'two/default/connect#failed_connect': 'page two',
}
const page = async ({ proxy }: Stage): Promise<unknown> =>
  /page \w+/.exec((await get(proxy.port, `http://${HOST}:1/`, ['Accept: text/html'])).body.toString())?.[0]

export const PAGE_CASES: ReloadCases<
  | 'proxy.config.http.errors.details'
  | 'proxy.config.body_factory.enable_customizations'
  | 'proxy.config.body_factory.template_sets_dir'
> = {
  'proxy.config.http.errors.details': {
    from: 'code',
    to: 'none',
    probe: async ({ proxy }) => {
      const { header } = await get(proxy.port, `http://${HOST}:1/`)
      return header('proxy-status')
    },
    expect: [
      'portcullis; error=connection_refused; details="PTC_CONNECT_REFUSED"',
      'portcullis; error=connection_refused',
    ],
  },
  'proxy.config.body_factory.enable_customizations': {
    from: 1,
    to: 0,
    conf: { records: { 'proxy.config.body_factory.template_sets_dir': 'one' }, files: PAGES },
    probe: page,
    expect: ['page one', undefined],
  },
  'proxy.config.body_factory.template_sets_dir': {
    from: 'one',
    to: 'two',
    conf: { files: PAGES },
    probe: page,
    expect: ['page one', 'page two'],
  },
}
