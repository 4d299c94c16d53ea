#!/bin/sh
# Makes the user before the files that belong to it are unpacked.
set -e
getent group fundpass >/dev/null || groupadd --system fundpass
getent passwd fundpass >/dev/null ||
	useradd --system --gid fundpass --home-dir /etc/fundpass --no-create-home --shell /usr/sbin/nologin fundpass
