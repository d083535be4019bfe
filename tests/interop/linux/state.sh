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

# continue_elsewhere CLAIM SERVER: saves the guest, ends its process and its server, and
# continues it with another process of the server
continue_elsewhere() {
	rm -rf "$WORK/first"
	same "$1" '{"ok":true}' "$(command_machine save "$WORK/first")"
	kill -9 "$CHILD"
	wait "$CHILD" 2>/dev/null
	end_server
	"$2" || not_ok "another process serves" "$(cat "$WORK/server.log")"
	continue_saved first
}

serve_console() {
	served "$BUILD/daemons/cvmm-vhost-user-console" --socket-path="$WORK/socket" \
		--console-socket="$WORK/tty" --port="data:socket:$WORK/data"
}

serve_vsock() {
	served "$BUILD/daemons/cvmm-vhost-user-vsock" --socket-path="$WORK/socket" --guest-cid=7 --uds-path="$WORK/v"
}

# Connections of sockets end; listeners, ports and their names do not.
part_saved_ports() {
	local echo

	head -c "$BYTES" /dev/urandom >"$WORK/bytes"
	head -c "$BYTES" /dev/urandom >"$WORK/more"
	fresh_keys
	serve_console || { not_ok "our daemon of consoles serves" "$(cat "$WORK/server.log")"; return; }
	MORE="bytes=$BYTES" INPUT=$WORK/keys start console --memory=size=192M --control="$WORK/control" \
		--console "backend=user:$WORK/socket"
	until_said ready
	continue_elsewhere "a guest with a console and a stream of the daemon is saved" serve_console
	stream_back "both bring back what they get, from the daemon that is there then" \
		"$WORK/tty" "$WORK/bytes" "$WORK/data" "$WORK/more"
	finish
	same "the guest received all bytes of both" "$BYTES $BYTES 0" "$(said hvc0) $(said vport0p1) $STATUS"
	end_server

	"$BUILD/tests/interop/vsock-load" echo "unix:$WORK/v_52" >"$WORK/echo" 2>&1 &
	echo=$!
	serve_vsock || { not_ok "our daemon of sockets serves" "$(cat "$WORK/server.log")"; return; }
	INPUT=$WORK/keys start saved_sockets --memory=size=192M --control="$WORK/control" --vsock "backend=user:$WORK/socket"
	until_said ready
	continue_elsewhere "a guest with sockets of the daemon is saved" serve_vsock
	echo >&7
	until_said called
	if "$BUILD/tests/interop/vsock-load" load "bridge:$WORK/v:1234" 10 65536 >"$WORK/said" 2>&1; then
		ok "its listener accepts connections of the host"
	else
		not_ok "its listener accepts connections of the host" "$(cat "$WORK/said")"
	fi
	finish
	checks "and it connects to the host" 2
	kill "$echo" && wait "$echo" 2>/dev/null
	end_server
	rm -rf "$WORK/first"
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
