#!/bin/sh
# A throw-away machine: a real systemd as PID 1, on an overlay of this machine's own root, in namespaces of
# its own. test_systemd.py starts it; nothing here is meant to be run by hand.
#
#     unshare … machine.sh check FOLDER NAME           can this be done here? Says why not
#     unshare … machine.sh boot FOLDER NAME TREE ROOT COMMAND...
#     unshare … machine.sh sweep FOLDER NAME           removes the control groups
#
# FOLDER  a scratch folder; a tmpfs comes over FOLDER/m, and FOLDER/out is /out inside
# NAME    of the control group
# TREE    is laid over the root: what `make install` gave
# ROOT    the sources, read-only at the same path inside
# COMMAND runs as a service; its output goes to /out/output, and when it ends, so does the machine, with its
#         exit status
set -eu
what=$1 folder=$2 name=$3
shift 3
m=$folder/m r=$folder/m/root

# An empty tmpfs, in a mount namespace from which nothing gets out.
scratch() {
    mount --make-rprivate /
    mkdir -p "$m"
    mount -t tmpfs -o mode=755 tmpfs "$m"
    mkdir "$m/cgroup" "$m/upper" "$m/work" "$r"
    mount -t cgroup2 cgroup2 "$m/cgroup"
}

# systemd sees the control group that it starts in as the root of all.
enter_cgroup() {
    mkdir -p "$m/cgroup/$name"
    echo $$ >"$m/cgroup/$name/cgroup.procs"
}

mount_root() {
    mount -t overlay -o "lowerdir=/,upperdir=$m/upper,workdir=$m/work" overlay "$r"
    mount -t proc proc "$r/proc"
    mount -t sysfs -o ro sysfs "$r/sys"
    mount -t cgroup2 cgroup2 "$r/sys/fs/cgroup"
    for at in run tmp var/tmp var/log dev; do
        mkdir -p "$r/$at"
        mount -t tmpfs -o mode=755 tmpfs "$r/$at"
    done
    chmod 1777 "$r/tmp" "$r/var/tmp"
    for node in null zero full random urandom tty; do
        : >"$r/dev/$node"
        mount --bind "/dev/$node" "$r/dev/$node"
    done
    mkdir -m 1777 "$r/dev/shm"
    mkdir "$r/dev/pts"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$r/dev/pts"
    ln -s pts/ptmx "$r/dev/ptmx"
    ln -s /proc/self/fd "$r/dev/fd"
}

# Nothing of this machine's services, and no trace of an installation of ours.
strip_root() {
    for units in "$r/etc/systemd/system" "$r/usr/lib/systemd/system" "$r/lib/systemd/system"; do
        rm -rf "$units"/*.wants "$units"/*.requires "$units"/atomicstatsd*
    done
    rm -rf "$r/var/lib/private" "$r/var/lib/atomicstatsd" "$r/etc/atomicstatsd"
    : >"$r/etc/fstab"
    rm -f "$r/etc/machine-id"
    : >"$r/etc/machine-id" # to be made up
}

# systemd's own words: % and $ are its specifiers, and quotes keep an argument together.
quoted() {
    for word; do
        printf ' "%s"' "$(printf '%s' "$word" | sed 's/["\\]/\\&/g; s/[%$]/&&/g')"
    done
}

write_units() {
    mkdir -p "$r/etc/systemd/system"
    cat >"$r/etc/systemd/system/test.service" <<EOF
[Unit]
Description=The tests
Wants=systemd-journald.service
After=basic.target systemd-journald.service
SuccessAction=exit-force
FailureAction=exit-force
[Service]
ExecStart=$(quoted "$@")
Environment=PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
Environment=TEST_DEADLINE_S=${TEST_DEADLINE_S:-60}
StandardOutput=file:/out/output
StandardError=inherit
EOF
}

boot() {
    tree=$1 root=$2
    shift 2
    strip_root
    tar -C "$tree" -c . | tar -C "$r" -x --no-same-owner --keep-directory-symlink
    write_units "$@"
    mkdir -p "$r/out" "$r$root" "$m/old"
    mount --bind "$folder/out" "$r/out"
    mount --bind -o ro "$root" "$r$root"
    mkdir "$r/run/old"
    cd "$r"
    pivot_root . run/old
    umount -l run/old
    rmdir run/old
    exec env -i container=test PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --system --unit=test.service --log-target=journal --show-status=no </dev/null
}

case $what in
check)
    scratch
    enter_cgroup
    mount_root
    ;;
boot)
    scratch
    enter_cgroup
    exec unshare --cgroup --mount "$0" boot-inside "$folder" "$name" "$@"
    ;;
boot-inside)
    mount_root
    boot "$@"
    ;;
sweep)
    scratch
    [ ! -d "$m/cgroup/$name" ] || find "$m/cgroup/$name" -depth -type d -exec rmdir {} +
    ;;
esac
