#!/bin/sh
# Makes a Debian package of the tarball of `npm pack` and of the production dependencies that are installed in this
# checkout: npm ci && npm run deb. Usage: build.sh [FOLDER [OPTION...]]; the package is written into FOLDER (default: the
# current one), options such as -Znone are for dpkg-deb.
# It needs npm, tar and dpkg-deb, and no network. Dependencies with native code are those of this machine's architecture.
set -eu

out=$(cd "${1:-.}" && pwd)
[ $# -eq 0 ] || shift
cd "$(dirname "$0")/../../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022

version=$(node -p 'require("./package.json").version')
architecture=$(dpkg --print-architecture)
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct 2>/dev/null || date +%s)}"
export SOURCE_DATE_EPOCH

root=$work/root
home=$root/usr/lib/portcullis
mkdir -p "$home" "$root/DEBIAN" "$root/etc" "$root/usr/bin" "$root/usr/lib/systemd/system" "$root/usr/lib/sysusers.d" \
  "$root/usr/share/doc/portcullis" "$root/usr/share/bash-completion/completions" \
  "$root/usr/share/fish/vendor_completions.d" "$root/usr/share/zsh/vendor-completions"

npm pack --silent --ignore-scripts --pack-destination "$work" > /dev/null
tar -xzf "$work"/portcullis-*.tgz -C "$home" --strip-components 1
npm ls --omit=dev --all --parseable | tail -n +2 | sed "s#^$PWD/##" | sort -u > "$work/dependencies"
tar -cf - --files-from "$work/dependencies" | tar -xf - -C "$home"

# npm makes the file of `bin` executable, and links to it.
chmod 0755 "$home/dist/core/main.js"
ln -s ../lib/portcullis/dist/core/main.js "$root/usr/bin/portcullis"

cp etc/packaging/portcullis.service "$root/usr/lib/systemd/system/"
cp etc/packaging/portcullis.sysusers "$root/usr/lib/sysusers.d/portcullis.conf"
node "$home/dist/core/main.js" init "$root/etc/portcullis" > /dev/null
cat >> "$root/etc/portcullis/records.config" <<'RECORDS'

# The service may not write into this folder.
CONFIG proxy.config.admin.socket STRING /run/portcullis/ctl.sock
CONFIG proxy.config.log.logfile_dir STRING /var/log/portcullis
RECORDS
node "$home/dist/core/main.js" completion bash > "$root/usr/share/bash-completion/completions/portcullis"
node "$home/dist/core/main.js" completion fish > "$root/usr/share/fish/vendor_completions.d/portcullis.fish"
node "$home/dist/core/main.js" completion zsh > "$root/usr/share/zsh/vendor-completions/_portcullis"
cp LICENSE "$root/usr/share/doc/portcullis/copyright"
gzip -9n < CHANGELOG.md > "$root/usr/share/doc/portcullis/changelog.gz"

sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" \
  -e "s/@SIZE@/$(du -sk "$root" | cut -f1)/" etc/packaging/debian/control > "$root/DEBIAN/control"
(cd "$root" && find etc -type f | sort | sed 's#^#/#') > "$root/DEBIAN/conffiles"
(cd "$root" && find usr -type f | sort | tr '\n' '\0' | xargs -0 md5sum) > "$root/DEBIAN/md5sums"
for script in postinst prerm postrm; do
  install -m 0755 "etc/packaging/debian/$script" "$root/DEBIAN/$script"
done
chmod -R u+w,go-w,a+rX "$root"
find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group "$@" --build "$root" "$out/portcullis_${version}_$architecture.deb"
