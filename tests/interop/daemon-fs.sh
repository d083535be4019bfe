# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# A folder, and cvmm-vhost-user-fs that shares it, for tests of that daemon. Source
# it after lib.sh.

need_program DAEMON daemons/cvmm-vhost-user-fs
need_program DRIVER tests/interop/fs-driver

SOCKET=$WORK/socket
FOLDER=$WORK/folder
mkdir "$FOLDER"
chmod 755 "$WORK" "$FOLDER"
head -c 1000003 /dev/urandom >"$FOLDER/file"
chmod 644 "$FOLDER/file"

reads() { timeout -k 2 60 "$DRIVER" "$SOCKET" read "$1" >"$WORK/read" && cmp "$WORK/read" "$FOLDER/$1"; }

serving() { socket_listening "$SOCKET" || ended "$SERVER"; }

# A sanitizer that looks for leaks at the end of a process starts another one for it. The
# parent of a daemon in a PID namespace cannot start any: the first process there has ended.
LEAKS=()
! sanitized || LEAKS=(env ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0")

# serve [AS…] -- OPTION…: starts the daemon; INSIDE is the process that serves
serve() {
	local as=()

	until [ "$1" = -- ]; do as+=("$1"); shift; done
	shift
	case " $* " in
	*' --sandbox=none '* | *' --sandbox=chroot '*) ;;
	*) as=("${LEAKS[@]}" "${as[@]}") ;;
	esac
	chmod 777 "$WORK"
	start "$WORK/server.log" "${as[@]}" "$DAEMON" --socket-path="$SOCKET" --shared-dir="$FOLDER" "$@"
	SERVER=$CHILD
	wait_until 20 serving && ! ended "$SERVER" || { cat "$WORK/server.log"; return 1; }
	INSIDE=$(xargs <"/proc/$SERVER/task/$SERVER/children")
	INSIDE=${INSIDE:-$SERVER}
}

said() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$INSIDE/status"; }

ends() {
	end_child "$SERVER" TERM
	cat "$WORK/server.log"
	[ "$ENDED" -eq 0 ] && [ ! -e "$SOCKET" ] && [ -z "$(own_lines "$WORK/server.log")" ]
}

as_root() {
	[ "$(id -u)" -eq 0 ] || { tap_skip "$1" "for root"; return 1; }
}
