# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Guests that are saved and continued, or move to another process.

# save_and_kill NAME CLAIM: saves the guest while it works, and kills its
# process
save_and_kill() {
	rm -rf "$WORK/$1"
	same "$2" '{"ok":true}' "$(command_machine save "$WORK/$1")"
	kill -9 "$CHILD"
	wait "$CHILD" 2>/dev/null
}

# continue_saved NAME: restores it in another process
continue_saved() {
	: >"$WORK/console"
	"$CVMM" run --from="$WORK/$1" <"$WORK/keys" >"$WORK/console" 2>"$WORK/err" &
	CHILD=$!
}

answers_status() { [ -S "$WORK/control" ] && command_machine status >"$WORK/status"; }

# saved_on TRANSPORT: a guest is saved and restored with requests in flight
saved_on() {
	rm -rf "$WORK/first" "$WORK/second"
	fresh_keys
	MORE=pmem=1 INPUT=$WORK/keys start saved --memory=size=192M --cpus=$CPUS --transport="$1" \
		--disk "path=$WORK/saved.img" --pmem="path=$WORK/pmem.img" --rng=rate=64k --control="$WORK/control"
	until_said ready
	save_and_kill first "over $1, a guest is saved as it writes its disk"
	continue_saved first
	await "$CHILD" answers_status
	save_and_kill second "over $1, and again in the process that continued it"
	continue_saved second
	echo >&7
	finish
	checks "over $1, it reads what it wrote, and its devices continue" 4
	same "over $1, its kernel logs no errors" 0 "$(said odd)"
	case $(said reseeded) in
	'') skip "over $1, a new VM Generation ID reseeds its random numbers" "this kernel has no driver of VM Generation IDs";;
	*) same "over $1, a new VM Generation ID reseeds its random numbers" yes "$([ "$(said reseeded)" -eq 0 ] || echo yes)";;
	esac
	rm -rf "$WORK/first" "$WORK/second"
}

part_saved() {
	image saved.img 8M
	image pmem.img 16M
	saved_on mmio
	saved_on pci
}

# saved_with SERVER CLAIM: a guest with open files in the folder of a server is
# saved, and continued with another process of the server
saved_with() {
	rm -rf "$WORK/first" "$WORK/folder"
	if ! "$1"; then
		skip "$2" "its server is not installed or does not start: $(tail -n 1 "$WORK/server.log" 2>/dev/null)"
		return
	fi
	fresh_keys
	INPUT=$WORK/keys start saved_folder --memory=size=192M --transport=pci \
		--device "fs,backend=user:$WORK/socket,tag=host" --control="$WORK/control"
	until_said ready
	case $(command_machine save "$WORK/first") in
	*DEVICE_STATE*)
		skip "$2" "its server cannot transfer its state"
		kill -9 "$CHILD"
		wait "$CHILD" 2>/dev/null
		end_server
		return;;
	esac
	kill -9 "$CHILD"
	wait "$CHILD" 2>/dev/null
	end_server
	"$1"
	continue_saved first
	echo >&7
	finish
	checks "$2: a saved guest continues, with its open files and folders" 5
	same "$2: its kernel logs no errors" 0 "$(said odd)"
	end_server
	rm -rf "$WORK/first" "$WORK/folder"
}

part_saved_folder() {
	saved_with serve_own_folder "the folder of cvmm-vhost-user-fs"
	saved_with serve_folder "virtiofsd's folder"
}

# comes CONTROL: a process waits for the guest
comes() {
	"$CVMM" run --incoming="unix:$WORK/incoming" --control="$1" <"$WORK/keys" >>"$WORK/console" 2>"$WORK/err" &
	DESTINATION=$!
	await "$DESTINATION" [ -S "$WORK/incoming" ]
}

# moves CLAIM: the running guest moves to the process that waits
moves() {
	local answer status

	answer=$(command_machine migrate "unix:$WORK/incoming")
	echo "# $answer"
	wait "$CHILD"
	status=$?
	same "$1" '{"ok":true 4' "${answer%%,*} $status"
	CHILD=$DESTINATION
}

# migrated_on TRANSPORT: a guest moves with requests in flight, there and back
migrated_on() {
	fresh_keys
	INPUT=$WORK/keys start saved --memory=size=192M --cpus=$CPUS --transport="$1" \
		--disk "path=$WORK/saved.img,locking=off" --rng=rate=64k --control="$WORK/control"
	until_said ready
	comes "$WORK/moved"
	moves "over $1, a guest moves as it writes its disk"
	mv "$WORK/moved" "$WORK/control"
	comes "$WORK/moved"
	moves "over $1, and moves on"
	echo >&7
	finish
	checks "over $1, it reads what it wrote after that, and its devices continue" 3
	same "over $1, its kernel logs no errors after that" 0 "$(said odd)"
	rm -f "$WORK/moved" "$WORK/control"
}

part_migrated() {
	image saved.img 8M
	migrated_on mmio
	migrated_on pci
}
