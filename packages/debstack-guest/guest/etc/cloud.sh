#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Takes name, keys and user data from the metadata service, then lets people in by SSH.

METADATA=http://169.254.169.254/latest

get() {
	wget -q -T 5 -O - "$METADATA/$1" 2>/dev/null
}

# What is there, but does not come in time, is asked for again: without its key nobody gets in.
fetch() {
	tries=0
	until get "$1" >/run/fetched; do
		tries=$((tries + 1))
		if [ "$tries" -ge 12 ]; then
			echo "guest: the metadata service does not hand out $1" >/dev/console
			return 1
		fi
		sleep 1
	done
	cat /run/fetched
}

mkdir -p /root/.ssh /home/guest/.ssh
tries=0
until name=$(get meta-data/hostname) && [ -n "$name" ]; do
	tries=$((tries + 1))
	if [ "$tries" -ge 60 ]; then
		echo "guest: the metadata service does not answer"
		break
	fi
	sleep 1
done
if [ -n "$name" ]; then
	hostname "${name%%.*}"
	case $(fetch meta-data/) in
	*public-keys/*) fetch meta-data/public-keys/0/openssh-key >/root/.ssh/authorized_keys ;;
	*) : >/root/.ssh/authorized_keys ;;
	esac
	cp /root/.ssh/authorized_keys /home/guest/.ssh/authorized_keys
	echo "guest: metadata: $name, $(wc -l </root/.ssh/authorized_keys) keys"
fi
chmod -R go-rwx /root/.ssh /home/guest/.ssh
chown -R 1000:1000 /home/guest
dropbear -R -s -E
echo "guest: SSH is up after $(cut -d' ' -f1 /proc/uptime) s"
case ${name:+$(fetch "")} in
*user-data*) fetch user-data >/run/user-data ;;
esac
if [ -f /run/user-data ] && head -n 1 /run/user-data | grep -q '^#!'; then
	chmod 0700 /run/user-data
	/run/user-data
	echo "guest: user data ended with $?"
fi
echo "guest: ready"
