#!/bin/sh
# guest.sh NAME COMMAND…: COMMAND as PID 1 of fresh namespaces, in control groups of its own.
#
# GUEST_TIMEOUT is in seconds; GUEST_CONSOLE is a terminal to become /dev/console; GUEST_SHARED is a directory where what the guest
# writes is seen outside.
# The command's exit code is passed on; 129 is "killed by SIGHUP" (reboot), 130 "killed by SIGINT"
# (power off, halt), as the parent of a pid namespace sees reboot(2). Only groups named fief-test-*
# are touched, and they are gone afterwards.
name=fief-test-$1
shift
hierarchies=$(awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) ~ /^cgroup2?$/) print $5 }' /proc/self/mountinfo)
case $hierarchies in
/sys/fs/cgroup) kind=pure ;;
*) kind=hybrid hierarchies="/sys/fs/cgroup/unified /sys/fs/cgroup/memory /sys/fs/cgroup/pids /sys/fs/cgroup/cpu" ;;
esac
for place in $hierarchies; do
    mkdir -p "$place/$name/guest" "$place/$name/outside"
    if [ $kind = pure ]; then
        # Who moves there must not be in a group that hands controllers down.
        for controller in memory pids cpu; do
            echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null
            echo "+$controller" >"$place/$name/cgroup.subtree_control" 2>/dev/null
        done
    fi
done
export kind home=$(mktemp -d)
(
    for place in $hierarchies; do
        read -r self _ </proc/self/stat
        echo "$self" >"$place/$name/outside/cgroup.procs" || exit 99
    done
    # PID 1 alone enters the group it will be the root of: with anybody else there no controller
    # could be handed down.
    exec timeout -s KILL "${GUEST_TIMEOUT:-60}" unshare -mpfnui --kill-child -- sh -ec '
        for place in '"$(echo $hierarchies)"'; do
            echo 0 >"$place/'"$name"'/guest/cgroup.procs"
        done
        exec unshare -C -- "$@"' sh sh -ec '
        # The machine is seen as it is, and whatever is written or taken away is so in here only.
        mount -t tmpfs tmpfs /mnt
        if [ -n "${GUEST_SHARED:-}" ]; then
            mkdir /mnt/shared
            mount --bind "$GUEST_SHARED" /mnt/shared
        fi
        for place in etc home opt root srv tmp usr var; do
            mkdir -p "/mnt/$place/upper" "/mnt/$place/work"
            mount -t overlay overlay -o "lowerdir=/$place,upperdir=/mnt/$place/upper,workdir=/mnt/$place/work" "/$place"
        done
        if [ -n "${GUEST_SHARED:-}" ]; then
            mount --move /mnt/shared "$GUEST_SHARED"
        fi
        umount -l /mnt
        # What an init of ours has said on the machine is no log of this guest.
        rm -rf /var/log/fief
        mount -t proc proc /proc
        mount -t tmpfs tmpfs /run
        mount -t tmpfs -o mode=755 tmpfs "$home"
        for node in null zero full random urandom tty; do
            touch "$home/$node"
            mount --bind "/dev/$node" "$home/$node"
        done
        if [ -n "${GUEST_CONSOLE:-}" ]; then
            touch "$home/console"
            mount --bind "$GUEST_CONSOLE" "$home/console"
        fi
        mkdir "$home/pts" "$home/shm"
        mount --move "$home" /dev
        if [ "$kind" = pure ]; then
            umount -R /sys/fs/cgroup
            mount -t cgroup2 none /sys/fs/cgroup
        else
            mkdir -p /run/cgroup/unified
            mount -t cgroup2 none /run/cgroup/unified
            for controller in memory pids cpu; do
                mkdir "/run/cgroup/$controller"
                mount -t cgroup -o "$controller" none "/run/cgroup/$controller"
            done
            umount -R /sys/fs/cgroup
            mount --rbind /run/cgroup /sys/fs/cgroup
            umount -l /run/cgroup/*
        fi
        hostname guest
        exec "$@"' sh "$@"
)
code=$?
rmdir "$home"
# Who was killed with PID 1 at the time limit is gone a moment later, which is told to nobody here.
removed() {
    for place in $hierarchies; do
        [ ! -d "$place/$name" ] || find "$place/$name" -depth -type d -exec rmdir {} + || return 1
    done
}
for _ in $(seq 50); do
    if removed 2>/dev/null; then
        exit $code
    fi
    sleep 0.1
done
removed
exit 98
