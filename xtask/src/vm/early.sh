#!/bin/busybox sh
# First stage, in the initramfs: modules, the two disks, then the Debian tree becomes the root.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
release=$(uname -r)
for module in $(cat /vm/early); do insmod "/vm/lib/modules/$release/$module.ko"; done

disk() {
    for block in /sys/block/vd*; do
        [ "$(cat "$block/serial" 2>/dev/null)" = "$1" ] && echo "/dev/${block##*/}"
    done
}
# Disks are probed in the background.
tries=0
while [ -z "$(disk root)" ] || [ -z "$(disk payload)" ]; do
    tries=$((tries + 1))
    [ $tries -lt 400 ] || { echo "no disks"; poweroff -f; }
    sleep 0.05
done

mount -t ext4 -o noatime "$(disk root)" /new
cd /new || poweroff -f
mkdir -p proc sys dev run tmp payload .vm "lib/modules/$release"
cd /
mount -t ext4 -o noatime "$(disk payload)" /new/payload
mount -o bind /vm /new/.vm
mount -o bind "/vm/lib/modules/$release" "/new/lib/modules/$release"
echo /.vm/modprobe > /proc/sys/kernel/modprobe
for mount in proc sys dev; do mount -o move /$mount /new/$mount; done
# Moved, not only chrooted: in a chroot neither user namespaces nor pivot_root(2) are allowed.
cd /new && mount -o move . / && exec chroot . /.vm/stage2 </dev/console >/dev/console 2>&1
