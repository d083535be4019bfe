# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# CPUs that are added while the guest runs: in the process that started it, in one that
# continues the saved machine, and in those to which it moves.

# comes_online CLAIM CPU: the machine receives the CPU, and the guest, which waits for it,
# brings it online
comes_online() {
	same "$1" '{"ok":true}' "$(command_machine cpus $(($2 + 1)))"
	until_said "online 0-$2" || not_ok "the guest brings CPU $2 online"
}

# has_cpus CLAIM N MAX
has_cpus() {
	same "$1" "$2 $3" "$(command_machine status | sed -n 's/^.*"cpus":\([0-9]*\),"max_cpus":\([0-9]*\),.*$/\1 \2/p')"
}

all_is_there() { ! command_machine status | grep -q '"arriving"'; }

part_cpus() {
	rm -rf "$WORK/first"
	fresh_keys
	MORE=cpus=5 INPUT=$WORK/keys start cpus --memory=size=192M --cpus=1,max=6 --control="$WORK/control"
	until_said "waits for 1"
	same "the guest begins with one CPU and has room for the others" "0-5 0 0" "$(said began)"
	comes_online "a CPU is added" 1
	same "the machine cannot lose it" 1 "$(command_machine cpus 1 | grep -c '2 CPUs and cannot lose any')"
	until_said "waits for 2"
	same "it works" 1 "$(grep -c '^@ok CPU 1' "$WORK/console")"
	save_and_kill first "the guest is saved"
	continue_saved first
	await "$CHILD" answers_status
	has_cpus "the continued machine has the CPU" 2 6
	comes_online "a CPU is added to the continued machine" 2
	until_said "waits for 3"
	comes "$WORK/moved"
	moves "the guest moves"
	mv "$WORK/moved" "$WORK/control"
	has_cpus "the destination has both CPUs" 3 6
	comes_online "a CPU is added at the destination" 3
	until_said "waits for 4"
	comes "$WORK/moved"
	moves "the guest moves before its memory" postcopy "unix:$WORK/incoming"
	mv "$WORK/moved" "$WORK/control"
	await "$CHILD" all_is_there
	has_cpus "the destination of post-copy has them, too" 4 6
	comes_online "a CPU is added there" 4
	finish
	checks "all that were added later work" 3
	same "each has a number of its own, and the clock is that of KVM" "5 clock kvm-clock" "$(said ids)"
	same "the kernel logs no errors" 0 "$(said odd)" || grep '^@log' "$WORK/console"
	rm -rf "$WORK/first" "$WORK/moved" "$WORK/control"
}
