# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Guests that are saved and continued, or move to another process.

# save_and_kill NAME CLAIM: saves the guest while it works, and kills its
# process
save_and_kill() {
	rm -rf "$WORK/$1"
	same "$2" '{"ok":true}' "$(command_machine save "$WORK/$1" then=pause)"
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
	same "over $1, a core of it tells where its kernel is" '{"ok":true}1' \
		"$(command_machine core "$WORK/core")$(head -c 16384 "$WORK/core" | grep -ac '^SYMBOL(_stext)=')"
	rm -f "$WORK/core"
	save_and_kill second "over $1, and again in the process that continued it"
	continue_saved second
	echo >&7
	finish
	checks "over $1, it reads what it wrote, and its devices continue" 4
	same "over $1, its kernel logs no errors" 0 "$(said odd)"
	case $(said reseeded) in
	'') skip "e3_27 over $1, a new VM Generation ID reseeds its random numbers" "this kernel has no driver of VM Generation IDs";;
	*) same "e3_27 over $1, a new VM Generation ID reseeds its random numbers" yes "$([ "$(said reseeded)" -eq 0 ] || echo yes)";;
	esac
	rm -rf "$WORK/first" "$WORK/second"
}

part_saved() {
	local transport

	image saved.img 8M
	image pmem.img 16M
	for transport in $TRANSPORTS; do saved_on "$transport"; done
}

# windows_saved TRANSPORT: a guest with plugged memory and mapped files is saved
windows_saved() {
	rm -rf "$WORK/first" "$WORK/windows"
	mkdir "$WORK/windows"
	fresh_keys
	MORE="memhp_default_state=online_movable comes=64" INPUT=$WORK/keys start saved_windows --memory=size=192M --transport="$1" \
		--mem=size=512M --fs "path=$WORK/windows,tag=host,dax-window=16M" --control="$WORK/control"
	until_said small
	command_machine resize mem 64M >/dev/null
	echo >&7
	until_said ready
	save_and_kill first "over $1, a guest with plugged memory and a DAX window is saved"
	continue_saved first
	await "$CHILD" answers_status
	same "over $1, the memory is still plugged" "$((64 << 20))" "$(plugged)"
	command_machine resize mem 0 >/dev/null
	echo >&7
	finish
	checks "over $1, plugged memory, mapped files, and their use after that" 5
	same "over $1, its kernel logs no errors with them" 0 "$(said odd)"
	same "over $1, the host has the bytes of the mapped files" "" \
		"$("$FOLDER_LOAD" verify "$WORK/windows/kept" 8 2>&1; "$FOLDER_LOAD" verify "$WORK/windows/more" 18 2>&1)"
	rm -rf "$WORK/first" "$WORK/windows"
}

part_saved_windows() {
	[ -z "${LONG:-}" ] || windows_saved mmio
	windows_saved pci
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

# replaced_by SERVER…: kills the daemon, and starts another one that has nothing in its memory
replaced_by() {
	kill -9 "$SERVER"
	wait "$SERVER" 2>/dev/null
	"$@" || not_ok "another daemon serves" "$(cat "$WORK/server.log")"
}

# Ports that the driver opened and listeners of the guest live on.
part_replaced() {
	head -c "$BYTES" /dev/urandom >"$WORK/bytes"
	head -c "$BYTES" /dev/urandom >"$WORK/more"
	fresh_keys
	serve_console || { not_ok "our daemon of consoles serves" "$(cat "$WORK/server.log")"; return; }
	MORE="bytes=$BYTES" INPUT=$WORK/keys start console --memory=size=192M \
		--console "backend=user:$WORK/socket,reconnect=20"
	until_said ready
	replaced_by serve_console
	stream_back "a console and a stream bring back what they get, after their daemon was killed" \
		"$WORK/tty" "$WORK/bytes" "$WORK/data" "$WORK/more"
	finish
	same "the guest received all bytes of both" "$BYTES $BYTES 0" "$(said hvc0) $(said vport0p1) $STATUS"
	end_server
	sockets_replaced
	card_replaced
}

# The driver set its filters by the control queue.
card_replaced() {
	net_host || { skip "the daemon of a card is killed" "$NET_WHY"; return; }
	serve_card cvmmtap || { not_ok "our daemon of cards serves" "$(cat "$WORK/server.log")"; return; }
	start_card --net "backend=user:$WORK/socket,reconnect=20"
	replaced_by serve_card cvmmtap
	card_claims "after the daemon of its card was killed, the guest sends and receives" 3
	end_server
}

# listener_accepts CLAIM SOCKET: the host connects to the guest's listener through the
# socket of its device
listener_accepts() {
	if "$BUILD/tests/interop/vsock-load" load "bridge:$2:1234" 10 65536 >"$WORK/said" 2>&1; then
		ok "$1"
	else
		not_ok "$1" "$(cat "$WORK/said")"
	fi
}

sockets_replaced() {
	local echo

	"$BUILD/tests/interop/vsock-load" echo "unix:$WORK/v_52" >"$WORK/echo" 2>&1 &
	echo=$!
	serve_vsock || { not_ok "our daemon of sockets serves" "$(cat "$WORK/server.log")"; return; }
	INPUT=$WORK/keys start saved_sockets --memory=size=192M --vsock "backend=user:$WORK/socket,reconnect=20"
	until_said ready
	replaced_by serve_vsock
	echo >&7
	until_said called
	listener_accepts "after the daemon of its sockets was killed, a guest accepts connections of the host" "$WORK/v"
	finish
	checks "and it connects to the host, before and after" 3
	kill "$echo" && wait "$echo" 2>/dev/null
	end_server
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
	listener_accepts "its listener accepts connections of the host" "$WORK/v"
	finish
	checks "and it connects to the host" 2
	kill "$echo" && wait "$echo" 2>/dev/null
	end_server
	rm -rf "$WORK/first"
}

# comes CONTROL ARG…: a process waits for the guest
comes() {
	"$CVMM" run --incoming="unix:$WORK/incoming" --control="$1" "${@:2}" <"$WORK/keys" >>"$WORK/console" 2>"$WORK/err" &
	DESTINATION=$!
	await "$DESTINATION" grep -q " 00010000 .* $WORK/incoming\$" /proc/net/unix
}

# moves CLAIM [WORD…]: the running guest moves to the process that waits, or as WORD… says
moves() {
	local claim=$1 answer status

	shift
	[ $# -gt 0 ] || set -- "unix:$WORK/incoming"
	answer=$(command_machine migrate "$@")
	echo "# $answer"
	wait "$CHILD"
	status=$?
	same "$claim" '{"ok":true 4' "${answer%%,*} $status"
	CHILD=$DESTINATION
}

# migrated_on TRANSPORT: a guest moves with requests in flight, there and back
migrated_on() {
	fresh_keys
	MORE=pmem=1 INPUT=$WORK/keys start saved --memory=size=192M --cpus=$CPUS --transport="$1" \
		--disk "path=$WORK/saved.img,locking=off" --pmem="path=$WORK/pmem.img" --rng=rate=64k --control="$WORK/control"
	until_said ready
	comes "$WORK/moved"
	moves "over $1, a guest moves as it writes its disk"
	mv "$WORK/moved" "$WORK/control"
	comes "$WORK/moved"
	moves "over $1, and moves on"
	echo >&7
	finish
	checks "over $1, it reads what it wrote after that, and its devices continue" 4
	same "over $1, its kernel logs no errors after that" 0 "$(said odd)"
	rm -f "$WORK/moved" "$WORK/control"
}

part_migrated() {
	local transport

	image saved.img 8M
	image pmem.img 16M
	for transport in $TRANSPORTS; do migrated_on "$transport"; done
}

# windows_moved TRANSPORT: a guest with plugged memory and mapped files moves twice
windows_moved() {
	rm -rf "$WORK/windows"
	mkdir "$WORK/windows"
	fresh_keys
	MORE="memhp_default_state=online_movable comes=64" INPUT=$WORK/keys start saved_windows --memory=size=192M --transport="$1" \
		--mem=size=512M --fs "path=$WORK/windows,tag=host,dax-window=16M" --control="$WORK/control"
	until_said small
	command_machine resize mem 64M >/dev/null
	echo >&7
	until_said ready
	comes "$WORK/moved"
	moves "over $1, a guest with plugged memory and a DAX window moves"
	mv "$WORK/moved" "$WORK/control"
	same "over $1, the memory is plugged there" "$((64 << 20))" "$(plugged)"
	comes "$WORK/moved"
	moves "over $1, and it moves on"
	mv "$WORK/moved" "$WORK/control"
	command_machine resize mem 0 >/dev/null
	echo >&7
	finish
	checks "over $1, plugged memory and mapped files continue there" 7
	same "over $1, its kernel logs no errors after its memory has moved" 0 "$(said odd)"
	same "over $1, the host has the bytes of the files that were mapped there" "" \
		"$("$FOLDER_LOAD" verify "$WORK/windows/kept" 8 2>&1; "$FOLDER_LOAD" verify "$WORK/windows/more" 18 2>&1)"
	rm -rf "$WORK/windows" "$WORK/control"
}

# A command carries bytes only, so neither memory nor mapped files come as descriptors. The
# folder at the destination is a copy, as on another host.
windows_copied() {
	rm -rf "$WORK/windows" "$WORK/copy"
	mkdir "$WORK/windows"
	fresh_keys
	MORE=comes=0 INPUT=$WORK/keys start saved_windows --memory=size=192M,backend=memfd --transport=pci \
		--fs "path=$WORK/windows,tag=host,dax-window=16M" --control="$WORK/control"
	until_said small
	echo >&7
	until_said ready
	mkdir -p "$WORK/empty"
	comes "$WORK/moved" --fs "path=$WORK/empty,tag=host,dax-window=16M"
	command_machine migrate "exec:python3 $HERE/migration_stream.py join $WORK/incoming" >"$WORK/refused"
	wait "$DESTINATION"
	same "a folder without the mapped files is refused, and the guest continues" "yes running" \
		"$(grep -q 'files that the guest uses do not exist in this folder' "$WORK/refused" && echo yes) $(command_machine status | grep -o 'running' | head -n 1)"
	sed 's/^/# /' "$WORK/refused"
	cp -a "$WORK/windows" "$WORK/copy"
	comes "$WORK/moved" --fs "path=$WORK/copy,tag=host,dax-window=16M"
	moves "a guest with mapped files moves without descriptors to a copy of its folder" \
		"exec:python3 $HERE/migration_stream.py join $WORK/incoming"
	mv "$WORK/moved" "$WORK/control"
	same "its files are mapped there" yes "$(command_machine status | grep -q '"windows":\[{[^]]*"mapped":[1-9]' && echo yes)"
	echo >&7
	finish
	checks "mapped files continue in the copy" 7
	same "its kernel logs no errors in the copy" 0 "$(said odd)"
	same "the copy has the bytes of all mapped files" "" \
		"$("$FOLDER_LOAD" verify "$WORK/copy/kept" 8 2>&1; "$FOLDER_LOAD" verify "$WORK/copy/more" 18 2>&1)"
	same "and the first folder has only those from before" kept "$(ls "$WORK/windows")"
	rm -rf "$WORK/windows" "$WORK/copy" "$WORK/empty" "$WORK/control"
}

part_migrated_windows() {
	[ -z "${LONG:-}" ] || windows_moved mmio
	windows_moved pci
	windows_copied
}

# both_serve SERVER…: two processes of a server, with sockets in $WORK and $WORK/there;
# SERVER and THERE
both_serve() {
	mkdir -p "$WORK/there" "$WORK/folder"
	ln -sfn ../folder "$WORK/there/folder"
	WORK=$WORK/there "$@" || return
	THERE=$SERVER
	"$@"
}

both_end() {
	end_server
	SERVER=$THERE end_server
	rm -rf "$WORK/there" "$WORK/moved" "$WORK/control"
}

# moved_with SERVER CLAIM: a guest with open files moves to another process of the server
moved_with() {
	if ! both_serve "$1"; then
		skip "$2" "its server is not installed or does not start: $(cat "$WORK/there/server.log" "$WORK/server.log" 2>/dev/null | tail -n 1)"
		return
	fi
	fresh_keys
	INPUT=$WORK/keys start saved_folder --memory=size=192M --cpus=$CPUS --transport=pci \
		--device "fs,backend=user:$WORK/socket,tag=host" --control="$WORK/control"
	until_said ready
	case $(command_machine migrate "unix:$WORK/nobody") in
	*DEVICE_STATE* | *LOG_ALL*)
		skip "$2" "its server cannot transfer its state"
		kill -9 "$CHILD"
		wait "$CHILD" 2>/dev/null
		both_end
		return;;
	esac
	comes "$WORK/moved" --device "fs,backend=user:$WORK/there/socket,tag=host"
	moves "$2: a guest moves as it writes files"
	echo >&7
	finish
	checks "$2: it continues with its open files and folders" 6
	same "$2: its kernel logs no errors" 0 "$(said odd)"
	both_end
	rm -rf "$WORK/folder"
}

# Ports that the driver opened, and the guest's listeners, are there with another daemon.
part_moved_ports() {
	head -c "$BYTES" /dev/urandom >"$WORK/bytes"
	head -c "$BYTES" /dev/urandom >"$WORK/more"
	fresh_keys
	both_serve serve_console || { not_ok "two of our daemons of consoles serve" "$(cat "$WORK/server.log")"; return; }
	MORE="bytes=$BYTES" INPUT=$WORK/keys start console --memory=size=192M --control="$WORK/control" \
		--console "backend=user:$WORK/socket"
	until_said ready
	comes "$WORK/moved" --console "backend=user:$WORK/there/socket"
	moves "a guest with a console and a stream of the daemon moves"
	stream_back "both bring back what they get, from the daemon there" \
		"$WORK/there/tty" "$WORK/bytes" "$WORK/there/data" "$WORK/more"
	finish
	same "the guest that moved received all bytes of both" "$BYTES $BYTES 0" "$(said hvc0) $(said vport0p1) $STATUS"
	both_end
	sockets_moved
}

sockets_moved() {
	local echo there

	both_serve serve_vsock || { not_ok "two of our daemons of sockets serve" "$(cat "$WORK/server.log")"; return; }
	"$BUILD/tests/interop/vsock-load" echo "unix:$WORK/v_52" >"$WORK/echo" 2>&1 &
	echo=$!
	"$BUILD/tests/interop/vsock-load" echo "unix:$WORK/there/v_52" >"$WORK/echo" 2>&1 &
	there=$!
	fresh_keys
	INPUT=$WORK/keys start saved_sockets --memory=size=192M --control="$WORK/control" --vsock "backend=user:$WORK/socket"
	until_said ready
	comes "$WORK/moved" --vsock "backend=user:$WORK/there/socket"
	moves "a guest with sockets of the daemon moves"
	echo >&7
	until_said called
	listener_accepts "its listener accepts connections of the host there" "$WORK/there/v"
	finish
	checks "and it connects to the host there" 3
	kill "$echo" "$there" && wait "$echo" "$there" 2>/dev/null
	both_end
}

serve_card() {
	served "$BUILD/daemons/cvmm-vhost-user-net" --socket-path="$WORK/socket" --tap="$1" --mac=52:54:00:77:00:03
}

# start_card_of JOB ARG…
start_card_of() {
	local job=$1; shift

	fresh_keys
	MORE='net=10.77.0.2,10.77.0.1' INPUT=$WORK/keys start "$job" --memory=size=192M --transport=pci \
		--control="$WORK/control" "$@"
	until_said ready
}

start_card() { start_card_of saved_net "$@"; }

# second_tap [FIRST SECOND]: a tap interface for the destination, with the same address as
# the first
second_tap() {
	ip tuntap add "${2:-cvmmthere}" mode tap &&
		ip link set "${2:-cvmmthere}" address "$(cat "/sys/class/net/${1:-cvmmtap}/address")"
}

# swap_taps [FIRST SECOND]: the second in place of the first
swap_taps() {
	ip link del "${1:-cvmmtap}"
	ip addr add 10.77.0.1/24 dev "${2:-cvmmthere}" && ip link set "${2:-cvmmthere}" up
}

# card_claims CLAIM N: the console has N results
card_claims() {
	echo >&7
	finish
	checks "$1" "$2"
	same "$1: its kernel logs no errors" 0 "$(said odd)"
}

# A card with a control queue, whose state its daemon keeps.
part_saved_net() {
	net_host || { skip "a card of the daemon is saved" "$NET_WHY"; return; }
	serve_card cvmmtap || { not_ok "our daemon of cards serves" "$(cat "$WORK/server.log")"; return; }
	start_card --net "backend=user:$WORK/socket"
	same "a guest with a card of the daemon is saved" '{"ok":true}' "$(command_machine save "$WORK/first")"
	kill -9 "$CHILD"
	wait "$CHILD" 2>/dev/null
	end_server
	serve_card cvmmtap
	continue_saved first
	card_claims "its card continues with another process of the daemon" 2
	end_server
	rm -rf "$WORK/first"

	second_tap
	serve_card cvmmtap
	mkdir "$WORK/there"
	THERE=$SERVER
	WORK=$WORK/there serve_card cvmmthere
	start_card --net "backend=user:$WORK/socket"
	comes "$WORK/moved" --net "backend=user:$WORK/there/socket"
	moves "a guest with a card of the daemon moves"
	swap_taps
	card_claims "its card continues with the daemon there" 3
	both_end
	ip link del cvmmthere
}

# kernel_card NAME: a card of the kernel on that tap interface
kernel_card() { printf '%s' "tap=$1,mac=52:54:00:77:00:04,backend=kernel"; }

# Cards and sockets that the host's kernel serves.
part_saved_kernel() {
	local echo

	if [ ! -c /dev/vhost-net ] || [ ! -c /dev/vhost-vsock ]; then
		skip "a card of the kernel is saved" "there is no /dev/vhost-net or no /dev/vhost-vsock"
		return
	fi
	net_host || { skip "a card of the kernel is saved" "$NET_WHY"; return; }
	start_card --net "$(kernel_card cvmmtap)"
	save_and_kill first "a guest with a card of the kernel is saved"
	continue_saved first
	card_claims "its card continues" 2
	rm -rf "$WORK/first"

	second_tap
	start_card --net "$(kernel_card cvmmtap)"
	comes "$WORK/moved" --net "$(kernel_card cvmmthere)"
	moves "a guest with a card of the kernel moves"
	swap_taps
	card_claims "its card continues there" 3
	ip link del cvmmthere
	rm -f "$WORK/moved" "$WORK/control"

	"$BUILD/tests/interop/vsock-load" echo vsock:2:52 >"$WORK/echo" 2>&1 &
	echo=$!
	fresh_keys
	INPUT=$WORK/keys start saved_sockets --memory=size=192M --control="$WORK/control" --transport=pci --vsock cid=9,backend=kernel
	until_said ready
	save_and_kill first "a guest with sockets of the kernel is saved"
	continue_saved first
	echo >&7
	until_said called
	if "$BUILD/tests/interop/vsock-load" load vsock:9:1234 10 65536 >"$WORK/said" 2>&1; then
		ok "its listener accepts connections of the host"
	else
		not_ok "its listener accepts connections of the host" "$(cat "$WORK/said")"
	fi
	finish
	checks "and it connects to the host" 2
	kill "$echo" && wait "$echo" 2>/dev/null
	rm -rf "$WORK/first"
}

rounds() { grep -c '^@round' "$WORK/console"; }
more_rounds() { [ "$(rounds)" -gt "$1" ]; }

# hops FROM TO: the guest with the card on tap interface FROM moves to a process with TO,
# and its streams continue there
hops() {
	local before

	second_tap "$1" "$2"
	comes "$WORK/moved" --net "$(kernel_card "$2")"
	moves "a guest moves from $1 to $2 while the kernel writes its memory"
	swap_taps "$1" "$2"
	mv "$WORK/moved" "$WORK/control"
	before=$(rounds)
	await "$CHILD" more_rounds $((before + 1)) && ok "its streams continue on $2" || not_ok "its streams continue on $2"
}

# The kernel stores received frames in memory that was sent before, and logs it. The guest
# checks each byte that the host echoes.
part_migrated_kernel() {
	local echo

	if [ ! -c /dev/vhost-net ]; then
		skip "a guest moves while the kernel writes its memory" "there is no /dev/vhost-net"
		return
	fi
	net_host || { skip "a guest moves while the kernel writes its memory" "$NET_WHY"; return; }
	"$BUILD/tests/interop/vsock-load" echo tcp:0.0.0.0:5003 >"$WORK/echo" 2>&1 &
	echo=$!
	fresh_keys
	MORE='net=10.77.0.2,10.77.0.1' INPUT=$WORK/keys start moved_net --memory=size=192M --transport=pci \
		--control="$WORK/control" --net "$(kernel_card cvmmtap)"
	until_said ready
	hops cvmmtap cvmmthere
	hops cvmmthere cvmmtap
	card_claims "it received each byte that the host sent back" 2
	kill "$echo" && wait "$echo" 2>/dev/null
	ip link del cvmmtap
	rm -f "$WORK/control"
}

part_migrated_folder() {
	moved_with serve_own_folder "the folder of cvmm-vhost-user-fs"
	moved_with serve_folder "virtiofsd's folder"
}

guest_is_in() { [ "$(grep -c 'the guest is in process' "$WORK/err")" -ge "$1" ]; }

# The example update-cvmm replaces the program twice under a guest that the host pings.
part_updated() {
	local counts ping

	net_host || { skip "the program is replaced under a guest that is pinged" "$NET_WHY"; return; }
	fresh_keys
	: >"$WORK/console"
	"$BUILD/examples/update-cvmm" cvmmtap "$IMAGE" --initrd="$INITRD" \
		--append="$LINE job=pinged net=10.77.0.2,10.77.0.1" --memory=size=192M,backend=memfd --cpus=$CPUS \
		<"$WORK/keys" >"$WORK/console" 2>"$WORK/err" &
	CHILD=$!
	until_said ready
	busybox ping -i 0.1 10.77.0.2 >"$WORK/pings" &
	ping=$!
	await "$ping" grep -q 'bytes from' "$WORK/pings"
	kill -HUP "$CHILD"
	await "$CHILD" guest_is_in 1 && ok "the program is replaced under a guest" || not_ok "the program is replaced under a guest"
	kill -HUP "$CHILD"
	await "$CHILD" guest_is_in 2 && ok "and once more" || not_ok "and once more"
	counts=$(grep -c 'bytes from' "$WORK/pings")
	await "$ping" eval '[ "$(grep -c "bytes from" "$WORK/pings")" -gt "$((counts + 2))" ]'
	kill -INT "$ping"
	wait "$ping"
	sed -n 's/.*max = /# round trip, ms, min\/mean\/max: /p' "$WORK/pings"
	grep 'the guest was stopped for' "$WORK/err" | sed 's/^/# /'
	# the last request may be without its reply
	counts=$(sed -n 's/^\([0-9]*\) packets transmitted, \([0-9]*\) .*/\1-\2/p' "$WORK/pings")
	[ -n "$counts" ] && [ $((counts)) -le 1 ] && ok "no ping is lost" || not_ok "no ping is lost" "$(tail -n 3 "$WORK/pings")"
	echo >&7
	finish
	same "the guest ends in order, in the last process" "0 0" "$STATUS $(said odd)"
	ip link del cvmmtap 2>/dev/null
}

# The example clone-pool continues many machines, or CLONES, from one that is saved.
part_pool() {
	local n=${LONG:+100}

	n=${CLONES:-${n:-$((EMULATED ? 8 : 100))}}
	rm -rf "$WORK/template"
	fresh_keys
	INPUT=$WORK/keys start pool --memory=size=128M --vsock "cid=3,path=$WORK/v" --control="$WORK/control"
	until_said ready
	save_and_kill template "a guest that listens is saved"
	if "$BUILD/examples/clone-pool" "$WORK/template" "$n" 1234 >"$WORK/said" 2>&1; then
		ok "$n clones of it reply"
	else
		not_ok "$n clones of it reply" "$(tail -n 5 "$WORK/said")"
	fi
	sed 's/^/# /' "$WORK/said" | tail -n 5
	rm -rf "$WORK/template"
}

# The example machines runs two guests, and saves the first while both boot; its clone
# continues in the same process.
part_machines() {
	local limit=${CVMM_SANITIZERS:+900}

	rm -rf "$WORK/template"
	fresh_keys
	echo "# guests start, to run: off"
	"$BUILD/examples/machines" "$WORK/template" "$IMAGE" --initrd="$INITRD" --append="$LINE job=off" \
		--memory=size=192M --serial=null <"$WORK/keys" >"$WORK/console" 2>"$WORK/err" &
	CHILD=$!
	attended "${limit:-180}"
	same "two guests in a process, and a clone of one, boot and power off" "0 3" \
		"$STATUS $(grep -c ': ended with status 0$' "$WORK/console")"
	rm -rf "$WORK/template"
}
