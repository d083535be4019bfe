# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# A systemd of its own in a container that has this host's files, a device of KVM for the group kvm,
# cvmm and its units. Its changes to these files end with it; $WORK is that of the test. Source it
# after lib.sh and machine.sh.
#
#   systemd_possible       or SYSTEMD_WHY is the reason
#   systemd_run COMMAND…   runs COMMAND in it as root, and ends it; its output and its status
#
# SYSTEMD_LIMIT is the maximum number of seconds of a container; default 250, for hosts with other work.

may_use ldconfig systemd-nspawn

systemd_possible() {
	SYSTEMD_WHY=
	if [ "$(id -u)" -ne 0 ]; then
		SYSTEMD_WHY="only root starts a container with systemd"
	elif ! have systemd-nspawn; then
		SYSTEMD_WHY="systemd-nspawn is not installed (Debian: systemd-container)"
	elif sanitized; then
		SYSTEMD_WHY="the unit forbids what a sanitizer does"
	elif ! systemd_run true >"$WORK/systemd.why" 2>&1; then
		SYSTEMD_WHY="systemd does not start in a container: $(tail -n 1 "$WORK/systemd.why")"
	fi
	[ -z "$SYSTEMD_WHY" ]
}

# _systemd_root ROOT: this host's files with cvmm installed, and a target that runs $WORK/inside
_systemd_root() {
	local programs=$INTEROP/../../programs/cvmm units=$1/etc/systemd/system library

	mkdir -p "$1" "$WORK/changes" && mount -t tmpfs changes "$WORK/changes" && mkdir "$WORK/changes/"{upper,work} &&
		mount -t overlay -o "lowerdir=/,upperdir=$WORK/changes/upper,workdir=$WORK/changes/work" root "$1" || return
	# another inode than the host's, because systemd changes its group and mode
	mknod "$WORK/changes/kvm" c "$((0x$(stat -c %t /dev/kvm)))" "$((0x$(stat -c %T /dev/kvm)))" || return
	grep -q ^kvm: "$1/etc/group" || echo kvm:x:996: >>"$1/etc/group"
	chown "0:$(sed -n 's/^kvm:[^:]*:\([0-9]*\):.*/\1/p' "$1/etc/group")" "$WORK/changes/kvm"
	chmod 660 "$WORK/changes/kvm"
	mkdir -p "$1/usr/lib/cvmm-test" "$units" "$1/etc/systemd/user" "$1/etc/ld.so.conf.d"
	for library in ${LD_LIBRARY_PATH//:/ }; do
		cp -P "$library"/lib*.so* "$1/usr/lib/cvmm-test" 2>/dev/null
	done
	echo /usr/lib/cvmm-test >"$1/etc/ld.so.conf.d/0-cvmm-test.conf"
	ldconfig -r "$1"
	install -m 755 "$CVMM" "$1/usr/bin/cvmm"
	mkdir -p "$1/usr/libexec" && cp -rL "$(realpath "$CVMM_BUILDDIR")/programs/libexec/c-vmm" "$1/usr/libexec" || return
	install -D -m 755 "$programs/cvmm-metrics.in" "$1/usr/lib/cvmm-test/cvmm-metrics"
	cp "$programs"/*.service.in "$programs"/*.timer "$units"
	mv "$units/cvmm-pool@.service.in" "$1/etc/systemd/user"
	find "$units" "$1/etc/systemd/user" -name 'cvmm*.service.in' -exec sh -c 'mv "$1" "${1%.in}"' sh {} \;
	sed -i 's|@bindir@|/usr/bin|; s|@pkglibexecdir@|/usr/lib/cvmm-test|' "$1/usr/lib/cvmm-test/cvmm-metrics" \
		"$units"/cvmm*.service "$1/etc/systemd/user"/cvmm*.service
	printf '[Unit]\nRequires=sysinit.target dbus.socket inside.service\nAllowIsolate=yes\n' >"$units/inside.target"
	cat >"$units/inside.service" <<-END_OF_UNIT
		[Unit]
		After=sysinit.target dbus.socket
		[Service]
		Type=oneshot
		ExecStart=/bin/sh -c 'bash "$WORK/inside" >"$WORK/inside.out" 2>&1; echo \$? >"$WORK/inside.status"'
		ExecStopPost=/bin/systemctl --no-block --force poweroff
	END_OF_UNIT
}

# _systemd_boot: in a mount namespace, which takes all mounts with it
_systemd_boot() {
	# systemd-nspawn leaves folders there
	mkdir -p /run/systemd/nspawn && mount --make-rprivate / && mount -t tmpfs nspawn /run/systemd/nspawn &&
		_systemd_root "$WORK/root" &&
		timeout -k 5 "${SYSTEMD_LIMIT:-250}" systemd-nspawn -q -D "$WORK/root" --machine="cvmm-test-$$" --register=no --keep-unit --private-network \
			--bind="$WORK/changes/kvm:/dev/kvm" --bind="$WORK:$WORK:norbind" --boot systemd.unit=inside.target </dev/null
}

systemd_run() {
	rm -f "$WORK"/inside*
	printf '%q ' "$@" >"$WORK/inside"
	export -f _systemd_boot _systemd_root
	export CVMM INTEROP WORK
	unshare --mount bash -c _systemd_boot >"$WORK/systemd.log" 2>&1
	cat "$WORK/inside.out" 2>/dev/null || { tail -n 20 "$WORK/systemd.log"; return 1; }
	[ -s "$WORK/inside.status" ] || { echo "the container ended before its command"; tail -n 5 "$WORK/systemd.log"; return 1; }
	return "$(cat "$WORK/inside.status")"
}
