#!/.vm/busybox sh
# Second stage, in the Debian tree: what a booted system has mounted, pure cgroup v2, then the command.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/.vm
export PATH HOME=/root TERM=linux LANG=C.UTF-8
bb=/.vm/busybox

# /tmp stays on the disk: containers are made below it, and the oldest kernels cannot map ids on tmpfs.
$bb mount -t tmpfs -o mode=755 run /run
$bb mkdir -p /dev/pts /dev/shm /dev/mqueue /run/lock
$bb mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
$bb mount -t tmpfs -o mode=1777 shm /dev/shm
$bb mount -t mqueue mqueue /dev/mqueue
$bb mount -t cgroup2 -o nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup
for controller in $($bb cat /sys/fs/cgroup/cgroup.controllers); do
    echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control
done
$bb ip link set lo up
$bb hostname fief-test-vm
ulimit -n 65536

port() {
    name=$($bb grep -l "^$1\$" /sys/class/virtio-ports/*/name)
    echo "/dev/$($bb basename "${name%/name}")"
}
log=$(port vm.log)
cd /payload || exit
/bin/sh /payload/.command </dev/null >"$log" 2>&1
echo $? >"$(port vm.status)"
$bb sync
$bb sleep 0.1
$bb poweroff -f
