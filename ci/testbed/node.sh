#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Puts a node's layers together and starts something in them. It is run by unshare in a mount namespace
# of its own, so that every mount made here is gone with the last process, however that ended.
#
# usage: node.sh boot|enter DIRECTORY STATE LOWER OPTIONS ARCHIVES COMMAND…
#   DIRECTORY  the node's folder in the cache: upper, archives
#   STATE      its folder below /run: root (the mount point), pid, console.log
#   LOWER      the layers below, uppermost first, joined by colons
#   OPTIONS    more options for the overlay, beginning with a comma, or empty
#   ARCHIVES   the host's folder of .debs, shown in /var/cache/apt/archives
set -eu

mode=$1 directory=$2 state=$3 lower=$4 options=$5 archives=$6
shift 6
root=$state/root

if [ "$mode" = boot ]; then
	exec </dev/null >>"$state/console.log" 2>&1
	if [ -n "${TESTBED_CGROUP-}" ]; then
		mkdir -p "$TESTBED_CGROUP"
		echo $$ >"$TESTBED_CGROUP/cgroup.procs"
	fi
	echo $$ >"$state/pid"
fi

# A volatile overlay leaves a mark in its work folder, so that nobody trusts it after a crash of
# the host; the node is then worthless anyway.
rm -rf "$directory/work" "$directory/archives/work"
mkdir -p "$directory/work" "$directory/archives/work" "$directory/archives/upper"
mount -t overlay overlay "$root" \
	-o "lowerdir=$lower,upperdir=$directory/upper,workdir=$directory/work,redirect_dir=on$options"
# Above the cached .debs, so that apt-get clean in the node empties the node's view of them only.
mount -t overlay overlay "$root/var/cache/apt/archives" \
	-o "lowerdir=$archives,upperdir=$directory/archives/upper,workdir=$directory/archives/work$options"

if [ "$mode" = boot ]; then
	unset TESTBED_CGROUP
	exec "$@"
fi

for bind in ${TESTBED_BINDS-}; do
	mkdir -p "$root${bind#*:}"
	mount --bind "${bind%%:*}" "$root${bind#*:}"
done
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
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
hostname "$(cat "$root/etc/hostname")"
unset TESTBED_BINDS
exec chroot "$root" "$@"
