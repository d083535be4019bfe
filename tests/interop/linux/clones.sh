# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# Guests that are saved, and clones of them: what the driver set before the save is in
# force in each clone. Clones have sockets, interfaces and folders of their own.

# clone ARG…: starts a clone of the guest in $WORK/first
clone() {
	: >"$WORK/console"
	rm -f "$WORK/control"
	"$CVMM" run --from="$WORK/first" --clone --control="$WORK/control" "$@" <"$WORK/keys" >"$WORK/console" 2>"$WORK/err" &
	CHILD=$!
}

# clone_claims CLAIM N: lets the clone finish; its console has N results
clone_claims() {
	echo >&7
	finish
	checks "$1" "$2"
	same "$1: its kernel logs no errors" 0 "$(said odd)"
}

clones_end() { rm -rf "$WORK/first" "$WORK/there" "$WORK/control"; }

# serves_there SERVER ARG…: a process of the server for a clone, with its files in $WORK/there
serves_there() {
	mkdir -p "$WORK/there"
	WORK=$WORK/there "$@" || not_ok "another process serves" "$(cat "$WORK/there/server.log")"
}

# Each clone has copies of the disk and the persistent memory, as they were saved.
part_cloned() {
	local n

	image saved.img 8M
	image pmem.img 16M
	fresh_keys
	MORE=pmem=1 INPUT=$WORK/keys start saved --memory=size=192M --cpus=$CPUS --transport=pci \
		--disk "path=$WORK/saved.img" --pmem="path=$WORK/pmem.img" --rng=rate=64k --control="$WORK/control"
	until_said ready
	save_and_kill first "a guest is saved as it writes its disk, for clones"
	for n in 1 2; do
		cp -p "$WORK/saved.img" "$WORK/clone.img"
		cp -p "$WORK/pmem.img" "$WORK/pmem-clone.img"
		clone --disk "path=$WORK/clone.img" --pmem="path=$WORK/pmem-clone.img"
		clone_claims "clone $n reads what the saved guest wrote, and its devices continue" 4
	done
	clones_end
}

# start_console ARG…: a guest that echoes on the console and the stream of that device
start_console() {
	fresh_keys
	MORE="bytes=$BYTES" INPUT=$WORK/keys start console --memory=size=192M --control="$WORK/control" "$@"
	until_said ready
}

# console_clone NAME ARG…: a clone whose driver opened its ports before the save
console_clone() {
	local name=$1; shift

	clone "$@"
	await "$CHILD" answers_status
	stream_back "$name: its console and its stream bring back what they get" \
		"$WORK/there/tty" "$WORK/bytes" "$WORK/there/data" "$WORK/more"
	finish
	same "$name: it received all bytes of both" "$BYTES $BYTES 0" "$(said hvc0) $(said vport0p1) $STATUS"
}

part_cloned_ports() {
	local n

	mkdir -p "$WORK/there"
	head -c "$BYTES" /dev/urandom >"$WORK/bytes"
	head -c "$BYTES" /dev/urandom >"$WORK/more"
	start_console --console "socket=$WORK/tty,port=data:socket:$WORK/data"
	save_and_kill first "a guest with a console and a stream is saved for clones"
	for n in 1 2; do
		console_clone "clone $n" --console "socket=$WORK/there/tty,port=data:socket:$WORK/there/data"
	done
	clones_end

	serve_console || { not_ok "our daemon of consoles serves" "$(cat "$WORK/server.log")"; return; }
	start_console --console "backend=user:$WORK/socket"
	save_and_kill first "a guest with those of the daemon is saved for clones"
	end_server
	for n in 1 2; do
		serves_there serve_console
		console_clone "clone $n with a daemon" --console "backend=user:$WORK/there/socket"
		end_server
	done
	clones_end
}

# The driver of a clone keeps the address that it read before the save, until it is bound again.
part_cloned_net() {
	local n

	net_host || { skip "a guest with a card is cloned" "$NET_WHY"; return; }
	start_card_of cloned_net --net tap=cvmmtap,mac=52:54:00:77:00:05
	save_and_kill first "a guest with a card is saved for clones"
	second_tap
	swap_taps
	for n in 1 2; do
		clone --net "tap=cvmmthere,mac=52:54:00:77:00:1$n"
		clone_claims "clone $n: its card continues" 3
		same "clone $n: a driver that is bound again has the clone's address" "52:54:00:77:00:1$n" "$(said address)"
	done
	clones_end
	ip link del cvmmthere

	net_host
	serve_card cvmmtap || { not_ok "our daemon of cards serves" "$(cat "$WORK/server.log")"; return; }
	start_card --net "backend=user:$WORK/socket"
	save_and_kill first "a guest with a card of the daemon is saved for clones"
	end_server
	for n in 1 2; do
		serves_there serve_card cvmmtap
		clone --net "backend=user:$WORK/there/socket"
		clone_claims "clone $n: its card continues with another process of the daemon" 2
		end_server
	done
	clones_end
	ip link del cvmmtap
}

# Pages that the guest has lent are lent in each clone.
part_cloned_balloon() {
	local n

	fresh_keys
	MORE="lent=$LENT without=virtio_balloon" INPUT=$WORK/keys start balloon --memory=size=512M --transport=pci \
		--balloon=size=${LENT}M --control="$WORK/control"
	until_said filled
	echo >&7
	until_said lent
	save_and_kill first "a guest with an inflated balloon is saved for clones"
	for n in 1 2; do
		clone
		await "$CHILD" answers_status
		same "clone $n: its balloon is inflated" "$((LENT << 20))" "$(inflated)"
		echo >&7
		until_said done
		same "clone $n: all pages come back when the balloon is removed" 0 "$(said back)"
		echo >&7
		finish
		checks "clone $n: and they keep stored values" 1
	done
	clones_end
}

# Each clone has plugged memory of its own, and the mapped files in a copy of the folder.
part_cloned_windows() {
	local n

	rm -rf "$WORK/windows" "$WORK"/copy*
	mkdir "$WORK/windows"
	fresh_keys
	MORE="memhp_default_state=online_movable comes=64" INPUT=$WORK/keys start saved_windows --memory=size=192M --transport=pci \
		--mem=size=512M --fs "path=$WORK/windows,tag=host,dax-window=16M" --control="$WORK/control"
	until_said small
	command_machine resize mem 64M >/dev/null
	echo >&7
	until_said ready
	save_and_kill first "a guest with plugged memory and a DAX window is saved for clones"
	for n in 1 2; do
		cp -a "$WORK/windows" "$WORK/copy$n"
		clone --fs "path=$WORK/copy$n,tag=host,dax-window=16M"
		await "$CHILD" answers_status
		same "clone $n: the memory is plugged" "$((64 << 20))" "$(plugged)"
		command_machine resize mem 0 >/dev/null
		clone_claims "clone $n: plugged memory, mapped files, and their use after that" 5
		same "clone $n: its folder has the bytes of the mapped files" "" \
			"$("$FOLDER_LOAD" verify "$WORK/copy$n/kept" 8 2>&1; "$FOLDER_LOAD" verify "$WORK/copy$n/more" 18 2>&1)"
	done
	same "the folder of the saved guest has only its own file" kept "$(ls "$WORK/windows")"
	rm -rf "$WORK/windows" "$WORK"/copy*
	clones_end
}

# cloned_with SERVER CLAIM: clones of a guest with open files in the folder of a server
cloned_with() {
	local n

	rm -rf "$WORK/folder"
	"$1" || { skip "$2" "its server is not installed or does not start: $(tail -n 1 "$WORK/server.log" 2>/dev/null)"; return; }
	fresh_keys
	INPUT=$WORK/keys start saved_folder --memory=size=192M --transport=pci \
		--device "fs,backend=user:$WORK/socket,tag=host" --control="$WORK/control"
	until_said ready
	case $(command_machine save "$WORK/first" then=pause) in
	*DEVICE_STATE*) skip "$2" "its server cannot transfer its state";;
	esac
	kill -9 "$CHILD"
	wait "$CHILD" 2>/dev/null
	end_server
	[ -d "$WORK/first" ] || return
	for n in 1 2; do
		mkdir "$WORK/there"
		cp -a "$WORK/folder" "$WORK/there"
		serves_there "$1"
		clone --device "fs,backend=user:$WORK/there/socket,tag=host"
		clone_claims "$2: clone $n continues with its open files and folders" 5
		end_server
		rm -rf "$WORK/there"
	done
	rm -rf "$WORK/folder"
	clones_end
}

part_cloned_folder() {
	cloned_with serve_own_folder "the folder of cvmm-vhost-user-fs"
	cloned_with serve_folder "virtiofsd's folder"
}
