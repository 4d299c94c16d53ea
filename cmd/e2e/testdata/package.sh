#!/bin/sh
# Installs the package in a copy of this machine that nobody else sees and that is gone when
# the script ends, runs the server as the unit does, and removes the package.
#   unshare --mount --pid --fork --kill-child --mount-proc sh package.sh DIR EXECSTART...
# DIR holds fundpass.deb and alipay_public_key.txt; a file stop in it ends the server.
set -eu
if [ "$1" != inside ]; then
	root=$1/root
	mount -t tmpfs tmpfs "$1/disk"
	mkdir "$1/disk/upper" "$1/disk/work"
	mount -t overlay overlay -o "lowerdir=/,upperdir=$1/disk/upper,workdir=$1/disk/work" "$root"
	for d in proc dev; do mount --rbind "/$d" "$root/$d"; done
	mount --bind "$1" "$root/mnt"
	mount -t tmpfs tmpfs "$root/run" # no systemd
	shift
	exec chroot "$root" sh /mnt/package.sh inside "$@"
fi
shift

dpkg -i /mnt/fundpass.deb >&2
[ "$(stat -c %U:%G:%a /etc/fundpass)" = fundpass:fundpass:700 ]
[ "$(stat -c %U:%G:%a /usr/bin/fundpass)" = root:root:755 ]
[ -e /usr/lib/systemd/system/fundpass.service ]
as_user() { setpriv --reuid fundpass --regid fundpass --init-groups --no-new-privs "$@"; }

as_user fundpass keys new /etc/fundpass >/dev/null
install -o fundpass -g fundpass -m 600 /mnt/alipay_public_key.txt /etc/fundpass/
as_user fundpass check --env-file /etc/fundpass/fundpass.env >&2
setpriv --reuid fundpass --regid fundpass --init-groups --no-new-privs "$@" & # not a function: $! is the server
server=$!
while [ ! -e /mnt/stop ] && kill -0 "$server"; do sleep 0.1; done
kill "$server"
wait "$server"

dpkg -i /mnt/fundpass.deb >&2 # an update
[ -e /etc/fundpass/fundpass.env ]
dpkg --remove fundpass >&2
[ ! -e /usr/bin/fundpass ] && [ ! -e /usr/lib/systemd/system/fundpass.service ]
dpkg --purge fundpass >&2
for f in column.key pepper.key fundpass.env; do [ -e "/etc/fundpass/$f" ]; done
echo removed
