#!/bin/sh
# Restarts a running server after an update. A new one has no settings yet and is not started.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart fundpass.service
fi
if [ ! -e /etc/fundpass/fundpass.env ]; then
	cat <<'EOF'
fundpass: next, as root / 接下来以 root 运行:
  runuser -u fundpass -- fundpass keys new /etc/fundpass
  fill in /etc/fundpass/fundpass.env / 填写 fundpass.env
  /usr/share/doc/fundpass/operations.md, operations.zh-CN.md
EOF
fi
