#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a command in a root made of overlay layers. It is started by unshare in a mount and a process
# namespace of its own, so that every mount made here is gone with the last process, however it ended.
#
# usage: enter.sh [--bind FROM:TO]… [--user NAME] [--log FILE] [--resolver] [--loopback] [--host NAME]
#                 LOWER UPPER WORK MOUNTPOINT -- COMMAND…
set -eu

binds='' user=root log='' resolver='' loopback='' host=debstack-build
while [ "${1#--}" != "$1" ]; do
	case $1 in
	--bind) binds="$binds $2"; shift ;;
	--user) user=$2; shift ;;
	--log) log=$2; shift ;;
	--host) host=$2; shift ;;
	--resolver) resolver=yes ;;
	--loopback) loopback=yes ;;
	esac
	shift
done
lower=$1 upper=$2 work=$3 root=$4
shift 5

[ -z "$log" ] || exec >>"$log" 2>&1

mount -t overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work" overlay "$root"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o nosuid,mode=0755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t tmpfs -o nosuid,nodev tmpfs "$root/dev/shm"
mount -t devpts -o nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
for device in null zero full random urandom tty; do
	: >"$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
for bind in $binds; do
	mkdir -p "$root${bind#*:}"
	mount --bind "${bind%%:*}" "$root${bind#*:}"
done
if [ -n "$resolver" ]; then
	rm -f "$root/etc/resolv.conf"
	cat /etc/resolv.conf >"$root/etc/resolv.conf"
fi
[ -z "$loopback" ] || ip link set lo up
hostname "$host"
printf '127.0.0.1 localhost %s\n::1 localhost\n' "$host" >"$root/etc/hosts"

# Not exec: this shell stays the first process of the namespace. It dies with unshare, and all others
# with it; the command itself, with another user's rights, would not.
code=0
chroot "$root" setpriv --reuid="$user" --regid="$user" --init-groups \
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/nonexistent TERM=dumb \
	DEBIAN_FRONTEND=noninteractive "$@" || code=$?
exit "$code"
