# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Folders of the host, served by virtiofsd and by cvmm-vhost-user-fs; DAX.

# Starts virtiofsd with a folder, with the options of QEMU 7's or of later
# versions; SERVER is its process.
serve_folder() {
	local program

	for program in "${VIRTIOFSD:-}" /usr/libexec/virtiofsd /usr/lib/qemu/virtiofsd; do
		[ ! -x "$program" ] || break
	done
	[ -x "$program" ] || return
	mkdir -p "$WORK/folder"
	rm -f "$WORK/socket"
	case $program in
	*/qemu/*) set -- -o source="$WORK/folder" -o sandbox=chroot;;
	*) set -- --shared-dir "$WORK/folder" --sandbox chroot;;
	esac
	"$program" --socket-path="$WORK/socket" "$@" >"$WORK/server.log" 2>&1 &
	SERVER=$!
	await "$SERVER" listening
}

# Serves the folder by our daemon, which can access only the folder. It serves one front-end
# after another, until a signal ends it.
serve_own_folder() {
	mkdir -p "$WORK/folder"
	served "$BUILD/daemons/cvmm-vhost-user-fs" --socket-path="$WORK/socket" --shared-dir="$WORK/folder" --sandbox=chroot "$@"
}

# Serves the folder with a DAX window, and a pool of threads that change its mappings.
serve_own_window() {
	mkdir -p "$WORK/folder"
	served "$BUILD/daemons/cvmm-vhost-user-fs" --socket-path="$WORK/socket" --shared-dir="$WORK/folder" --sandbox=chroot --dax-window=64M --thread-pool-size=4
}

# on_folder SERVER CLAIM OPTION…: a guest reads and writes the folder, with
# WORDS on its command line
on_folder() {
	local server=$1 claim=$2; shift 2

	if ! "$server"; then
		skip "$claim" "its server is not installed or does not start: $(tail -n 1 "$WORK/server.log" 2>/dev/null)"
		return
	fi
	rm -f "$WORK/folder/"*
	head -c 3000001 /dev/urandom >"$WORK/folder/file"
	MORE="tag=host ${WORDS-}" guest folder "$@" --device "fs,backend=user:$WORK/socket,tag=host"
	checks "$claim" 3
	same "$claim: each byte of a file of the host" "$(md5sum <"$WORK/folder/file" | cut -c 1-32)" "$(said sum)"
	same "$claim: and the host has the guest's data" "1048576 file pattern" \
		"$(stat -c %s "$WORK/folder/pattern") $(said names | xargs)"
	# virtiofsd ends when its front-end disconnects
	end_server
}

part_folder() {
	on_folder serve_folder "virtiofsd's folder on the PCI bus" --transport=pci
	on_folder serve_folder "virtiofsd's folder over virtio-mmio" --transport=mmio
	on_folder serve_own_folder "the folder of cvmm-vhost-user-fs" --transport=pci
	WORDS=mount=-o,dax on_folder serve_own_window "files of cvmm-vhost-user-fs as memory" --transport=pci
}

# With a recovery table the mount survives its daemon, and the request in flight
# completes correctly. Without a table the mount returns errors until it is
# mounted again.
KILLS=5

# another_file: whether the guest has created another file than LAST
another_file() {
	local file

	file=$(ls "$WORK/folder" | grep '^f')
	[ -n "$file" ] && [ "$file" != "${LAST-}" ] && LAST=$file
}

# crash OPTION…: kills the daemon as soon as the guest creates another file
crash() {
	local inside

	await - another_file
	inside=$(cat "/proc/$SERVER/task/$SERVER/children")
	kill -9 "$SERVER"
	wait "$SERVER" 2>/dev/null
	# the process in the sandbox ends a moment later and holds the recovery
	# table until then
	await - exited ${inside:-$SERVER}
	serve_own_folder "$@" || not_ok "another one serves it" "$(cat "$WORK/server.log")"
}

part_crash() {
	local i table=$WORK/table

	mkdir -p "$WORK/folder"
	rm -rf "$WORK/folder/"* "$table"
	serve_own_folder --recover="$table" || { not_ok "our daemon serves a folder" "$(cat "$WORK/server.log")"; return; }
	start crash --device "fs,backend=user:$WORK/socket,tag=host,reconnect=10" --cpus=1
	until_said ready
	for ((i = 0; i < KILLS; i++)); do crash --recover="$table"; done
	touch "$WORK/folder/stop"
	until_said bare
	if [ "$(said lasted)" = 0 ]; then
		ok "a mount survives $KILLS kills of its daemon"
	else
		not_ok "a mount survives its daemon" "$(said lasted) errors"
	fi
	crash
	finish
	checks "a folder whose daemon is killed under load: plain errors, and it is mounted again" 7
	end_server
}

# shared CLAIM WORDS ARG…: a guest uses a folder that cvmm serves
shared() {
	local claim=$1 words=$2; shift 2

	rm -rf "$WORK/shared"
	mkdir -p "$WORK/shared"
	head -c 3000001 /dev/urandom >"$WORK/shared/file"
	MORE=$words guest fs "$@"
	checks "$claim: files, names, attributes, programs" 7
	same "$claim: each byte of a file of the host" "$(md5sum <"$WORK/shared/file" | cut -c 1-32)" "$(said sum)"
	same "$claim: and the host has the guest's files" "c d file left m program 1048576 12 34 4751" \
		"$(said names | xargs) $(stat -c %s "$WORK/shared/left") $(stat -c '%u %g %a' "$WORK/shared/m")"
}

part_fs() {
	shared "a folder's files as memory on the PCI bus" "mount=-o,dax" --transport=pci --fs "path=$WORK/shared,dax-window=64M,thread-pool-size=4"
	shared "a folder over virtio-mmio" "" --transport=mmio --fs "path=$WORK/shared,cache=always,queues=2"
}

# Tests that are slow where KVM is emulated run there only with LONG=1.
at_length() { if [ -n "${EMULATED:-}" ] && [ -z "${LONG:-}" ]; then echo "$1"; else echo "$2"; fi; }

# dax_guest ROLE ARG…: a guest that maps files of a folder through a DAX window
dax_guest() {
	local role=$1; shift

	MORE="role=$role turns=$(at_length 30 2000) operations=$(at_length 400 100000) larger=$LARGER" \
		start dax --memory=size=256M "$@"
}

# dax_ended NAME: results of the guest whose console is in $WORK
dax_ended() {
	attended "$(at_length 120 1500)"
	checks "$1: the other's stores, operations at random, files that are larger than the window${4:-}" "${3:-7}"
	same "$1: the host has each byte of such a file" "" "$("$FOLDER_LOAD" verify "$FOLDER/larger-$2" "$LARGER" 2>&1)"
}

# Compares with reads of the guest's own file and memory, because an emulated
# processor is slow for any page of a guest. Takes the best of many short
# passes, because other processes use the processor as well.
reads_compared() {
	local host

	host=$("$FOLDER_LOAD" reads "$FOLDER/near" "$WORK/copy" 10)
	set -- $(said reads)
	echo "# MiB/s of 4 KiB at random, of a file with DAX, a file and memory of the guest: $*; of the same on the host: ${host#reads }"
	[ $((${1:-0} * 2)) -gt "${2:-1}" ] && ok "pages of the host's file are read as fast as the guest's own, or half as fast" ||
		not_ok "pages of the host's file are read as fast as the guest's own, or half as fast" "$*"
}

# cut_at_mark PID: truncates a file at the guest's mark, while that guest runs
cut_at_mark() {
	AWAIT_SECONDS=$(at_length 120 1500) await "$1" [ -e "$FOLDER/mark" ] || return
	truncate -s 4096 "$FOLDER/cut"
	rm "$FOLDER/mark"
}

# Two guests that communicate only by writes to a shared file: through a window
# of cvmm, and one of the daemon.
part_dax() {
	local FOLDER=$WORK/dax LARGER window first

	LARGER=$(at_length 18 160)
	window=$(at_length 16 64)M
	mkdir -p "$FOLDER" "$WORK/second"
	truncate -s 4M "$FOLDER/shared"
	"$FOLDER_LOAD" fill "$FOLDER/theirs" "$LARGER"
	"$FOLDER_LOAD" fill "$FOLDER/near" $(at_length 8 32)
	served "$BUILD/daemons/cvmm-vhost-user-fs" --socket-path="$WORK/socket" --shared-dir="$FOLDER" --sandbox=chroot --dax-window="$window" ||
		not_ok "our daemon serves" "$(cat "$WORK/server.log")"
	dax_guest first --fs "path=$FOLDER,dax-window=$window" --transport=pci
	first=$CHILD
	WORK=$WORK/second dax_guest second --device "fs,backend=user:$WORK/socket,tag=host" --transport=mmio
	WORK=$WORK/second dax_ended "a guest of the daemon over virtio-mmio" second
	touch "$FOLDER/alone"
	cut_at_mark "$first" &
	CHILD=$first dax_ended "a guest of cvmm on the PCI bus" first 8 ", one that is cut"
	reads_compared
	end_server
	rm -rf "$FOLDER"
}

# All properties of the files outside, except their access times.
outside() { (cd "$WORK/beside" && find . -printf '%p %y %m %U %G %s %T@ %C@\n' | sort && cat note secret); }

# The host and the guest replace names by links that lead outside.
part_races() {
	local before seconds hand

	seconds=$(at_length 4 60)
	mkdir -p "$WORK/races" "$WORK/beside"
	chmod 777 "$WORK/races" "$WORK/beside"
	echo outside >"$WORK/beside/note"
	echo secret >"$WORK/beside/secret"
	chmod 666 "$WORK/beside/"*
	before=$(outside)
	MORE="seconds=$seconds" start probe --fs "path=$WORK/races,cache=never,xattr,dax-window=16M"
	until_said ready
	"$FOLDER_LOAD" swap "$WORK/races" "$WORK/beside" $((seconds + 2)) >"$WORK/swap" 2>&1 &
	hand=$!
	attended $((seconds + 120))
	wait $hand
	same "the host's process ended" 0 $?
	checks "for $seconds s no read leads outside of a folder whose names turn into links" 3
	same "and nothing outside has changed" "$before" "$(outside)"
	sed 's/^/# /' "$WORK/swap"
	tr -d '\r' <"$WORK/console" | sed -n 's/^@probe /# probe /p'
	rm -rf "$WORK/races" "$WORK/beside"
}
