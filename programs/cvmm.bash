# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# Completion in bash for the programs of c-vmm. All words come from what the
# program itself says for --help, so that they are those of its version.

# _cvmm_say WORD...: those that begin with what was typed. bash replaces only
# what stands behind the last "=" or ":", so the part before goes.
_cvmm_say() {
	local word

	for word; do
		[[ $word == "$typed"* ]] && COMPREPLY+=("${word#"$kept"}")
	done
}

# _cvmm_files PREFIX: files for the part of the word behind it
_cvmm_files() {
	local file

	compopt -o filenames 2>/dev/null
	while IFS= read -r file; do
		_cvmm_say "$1$file"
	done < <(compgen -f -- "${typed#"$1"}")
}

# _cvmm_templates PREFIX: names of templates for the part of the word behind it
_cvmm_templates() {
	local name rest

	while read -r name rest; do
		_cvmm_say "$1$name"
	done < <("$program" template list 2>/dev/null | tail -n +2)
}

# _cvmm_sockets: those of machines below the run folders
_cvmm_sockets() {
	local name rest

	while read -r name rest; do
		_cvmm_say "${rest##* }"
	done < <(timeout 2 "$program" ps 2>/dev/null | tail -n +2)
}

# _cvmm_names PREFIX END: names of machines of "exec --name", each with this end
_cvmm_names() {
	local name pid state rest

	while read -r name pid state rest; do
		[[ $state != command ]] || _cvmm_say "$1$name$2"
	done < <(timeout 2 "$program" ps 2>/dev/null | tail -n +2)
}

# _cvmm_kinds SOCKET: number and, if cvmm has its kind, kind of each of the machine's devices; it
# has two seconds to answer
_cvmm_kinds() {
	timeout 2 "$program" ctl --table "$1" status 2>/dev/null |
		sed -n 's/^devices\.[0-9]* *device=\([0-9]*\) id=[0-9]*\( kind=\([a-z0-9-]*\)\)\{0,1\}.*/\1 \3/p'
}

# _cvmm_devices SOCKET: numbers and names of the machine's devices
_cvmm_devices() {
	local number kind rows
	rows=$(_cvmm_kinds "$1")

	[[ -n $rows ]] || return
	while read -r number kind; do
		_cvmm_say "$number"
		# a name that several devices have names none
		[[ -z $kind ]] || (($(grep -c " $kind\$" <<<"$rows") > 1)) || _cvmm_say "$kind"
	done <<<"$rows"
}

# _cvmm_is_name WORD: whether a typed word may be a part of an expression of sed
_cvmm_is_name() { [[ $1 =~ ^[a-z0-9-]+$ ]]; }

# _cvmm_limits SOCKET DEVICE: keys of the device's limits, among those of its kind
_cvmm_limits() {
	local kind

	_cvmm_is_name "$2" || return
	kind=$(_cvmm_kinds "$1" | sed -n "s/^$2 //p; s/^[0-9]* \($2\)\$/\1/p")
	[[ -z $kind ]] || _cvmm_list '' "${kind%%$'\n'*}" '[a-z-]*\(rate\|iops\)[a-z-]*'
}

# _cvmm_operand WHAT SOCKET WORD...: what may stand for WHAT of a command, behind these words
_cvmm_operand() {
	case $1 in
	DEVICE) _cvmm_devices "$2" ;;
	KEY=*) _cvmm_limits "$2" "${!#}" ;;
	KIND,*) _cvmm_value '' --device ;;
	FILE | FOLDER | MEMORY | STATE | MACHINE) _cvmm_files '' ;;
	LEVEL) # shellcheck disable=SC2046 # a list of words
		_cvmm_say $(sed -n 's/^  log-level .*standard error: \([^:]*\).*/\1/p' <<<"$help" | tr -d ,) ;;
	esac
}

# _cvmm_setting WORD: a key of a command, its values, or a word without a value
_cvmm_setting() {
	if [[ $1 != *=* ]]; then
		_cvmm_say "$1"
	elif [[ $typed == "${1%%=*}="* ]]; then
		_cvmm_values "${1%%=*}=" "${1#*=}"
	else
		compopt -o nospace 2>/dev/null
		_cvmm_say "${1%%=*}="
	fi
}

# _cvmm_command SOCKET COMMAND WORD...: what may follow these words, by the command's line of the help:
# operands in capital letters in their order, and settings, which are in brackets
_cvmm_command() {
	local socket=$1 command=$2 piece word
	local -a pieces operands=() settings=() given=()
	shift 2

	_cvmm_is_name "$command" || return
	read -ra pieces < <(sed -n "s/^  $command .*: //p" <<<"$help")
	for piece in "${pieces[@]}"; do
		case $piece in
		'[LEVEL]' | [A-Z]*) piece=${piece#[}; operands+=("${piece%]}") ;;
		'['*) piece=${piece#[}; piece=${piece%]}; settings+=("${piece%[*}") ;;
		esac
	done
	for word; do
		for piece in "${settings[@]}"; do
			[[ ${piece%%=*} != "${word%%=*}" ]] || continue 2
		done
		given+=("$word")
	done
	if ((${#given[@]} < ${#operands[@]})); then
		_cvmm_operand "${operands[${#given[@]}]}" "$socket" "${given[@]}"
		[[ -n $typed ]] || return
	fi
	for piece in "${settings[@]}"; do
		[[ " $* " == *" ${piece%%=*}"[=\ ]* ]] || _cvmm_setting "$piece"
	done
}

# _cvmm_ctl WORD...: what may follow "ctl" and these words
_cvmm_ctl() {
	local word
	local -a words=()

	for word; do
		[[ $word == --* ]] || words+=("$word")
	done
	case ${#words[@]} in
	0) _cvmm_sockets; _cvmm_files '' ;;
	1) # shellcheck disable=SC2046 # a list of words
		_cvmm_say $(sed -n 's/^  \([a-z][a-z-]*\)  *[a-z].*/\1/p' <<<"$help") ;;
	*) _cvmm_command "${words[@]}" ;;
	esac
}

# _cvmm_topics: words of "cvmm help"
_cvmm_topics() {
	# shellcheck disable=SC2046,SC2086 # lists of words
	_cvmm_say $("$program" help 2>/dev/null | sed -n 's/^\(Topics\|Pages\): \([^;]*\);.*/\2/p') $commands
}

# _cvmm_values PREFIX WHAT: what may stand for WHAT of a help text
_cvmm_values() {
	local prefix=$1 choice choices

	case $2 in
	TEMPLATE) _cvmm_templates "$prefix"; _cvmm_files "$prefix"; return ;;
	FILE | PATH | FOLDER | SOCKET) _cvmm_files "$prefix"; return ;;
	*) choices=$2 ;;
	esac
	[[ $choices == *'|'* || $choices == *:SOCKET ]] || return
	for choice in ${choices//|/ }; do
		case $choice in
		*:SOCKET | *:PATH) choice=${choice%:*}:
			_cvmm_say "$prefix$choice"
			[[ $typed != "$prefix$choice"* ]] || _cvmm_files "$prefix$choice" ;;
		FILE) _cvmm_files "$prefix" ;;
		[a-z0-9]*) _cvmm_say "$prefix$choice" ;;
		esac
	done
}

# _cvmm_list PREFIX TOPIC [KEYS]: a key of a list, or a value of one, by the help of its topic; of
# all keys, or those that match an expression
_cvmm_list() {
	local prefix=$1 lines key given
	local piece=${typed#"$prefix"}

	given=,${piece%"${piece##*,}"}
	prefix+=${given#,}
	piece=${piece##*,}
	lines=$("$program" help "$2" 2>/dev/null |
		awk '/^Properties/ { inside = 1 } /^$/ { inside = 0 } inside' |
		sed -n "s/^  \(${3:-[a-z-]*}\)=\([^ ]*\).*/\1 \2/p")
	if [[ $piece == *=* ]]; then
		_cvmm_is_name "${piece%%=*}" || return
		_cvmm_values "$prefix${piece%%=*}=" "$(sed -n "s/^${piece%%=*} //p" <<<"$lines")"
		return
	fi
	compopt -o nospace 2>/dev/null
	for key in $(sed 's/ .*//' <<<"$lines"); do
		[[ $given == *",$key="* ]] || _cvmm_say "$prefix$key="
	done
}

# _cvmm_value PREFIX OPTION: the value of an option
_cvmm_value() {
	local what kind

	what=$(sed -n "s/^  \(-[a-zA-Z], \)\{0,1\}$2=\([^ ]*\).*/\2/p" <<<"$help")
	kind=${typed#"$1"}
	case $2 in
	--in) _cvmm_names "$1" '' ;;
	--device)
		if [[ $kind == *,* || $kind == *=* ]]; then
			kind=${kind%%,*}
			[[ $kind == *=* ]] && kind=device
			"$program" help "$kind" >/dev/null 2>&1 || kind=device
			_cvmm_list "$1" "$kind"
		else
			compopt -o nospace 2>/dev/null
			for kind in $(sed -n 's/^Topics: run memory device\([^;]*\).*/\1/p' < <("$program" help 2>/dev/null)); do
				_cvmm_say "$1$kind"
			done
			_cvmm_list "$1" device
		fi ;;
	*)
		if [[ $what == PROPERTIES ]]; then
			_cvmm_list "$1" "${2#--}"
		else
			_cvmm_values "$1" "$what"
		fi ;;
	esac
}

_cvmm() {
	local line=${COMP_LINE:0:COMP_POINT} program=${COMP_WORDS[0]} command='' commands help
	local typed kept before
	local -a words

	COMPREPLY=()
	typed=${line##*[[:space:]]}
	kept=${typed%"${typed##*[=:]}"}
	read -ra words <<<"${line%"$typed"}"
	before=${words[-1]}
	program=${program/#\~/$HOME}
	help=$("$program" --help 2>/dev/null) || return
	help=${help%%Examples:*}
	commands=$(sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p' <<<"$help")
	if [[ -n $commands ]]; then
		if ((${#words[@]} == 1)); then
			# shellcheck disable=SC2046 # a list of words
			_cvmm_say $commands $(grep -o -e '--[a-z-]*' <<<"$help" | sort -u)
			return
		fi
		command=${words[1]}
		if [[ $command == help ]]; then
			((${#words[@]} > 2)) || _cvmm_topics
			return
		fi
		help=$("$program" "$command" --help 2>/dev/null) || return
		[[ $command != boot ]] || help+=$'\n'$("$program" run --help 2>/dev/null)
	fi
	if [[ $typed == --*=* ]]; then
		_cvmm_value "${typed%%=*}=" "${typed%%=*}"
	elif [[ $before == --* ]] && grep -q -e "^  $before=" <<<"$help"; then
		_cvmm_value '' "$before"
	elif [[ $typed == -* ]]; then
		local option
		while IFS= read -r option; do
			[[ $option != *= || $option != "$typed"* ]] || compopt -o nospace 2>/dev/null
			_cvmm_say "$option"
		done < <(sed -n 's/^  \(-[a-zA-Z], \)\{0,1\}\(--[a-z-]*=\{0,1\}\)\(, \(--[a-z-]*\)\)\{0,1\}.*/\2\n\4/p' <<<"$help")
	elif [[ $command == ctl ]]; then
		_cvmm_ctl "${words[@]:2}"
	elif [[ $command == template ]]; then
		if ((${#words[@]} == 2)); then
			_cvmm_say make list show remove
		elif [[ ${words[2]} == @(show|remove) ]]; then
			_cvmm_templates ''
		fi
	elif [[ $command == pool ]]; then
		_cvmm_templates ''
		_cvmm_files ''
	elif [[ $command == cp ]]; then
		compopt -o nospace 2>/dev/null
		_cvmm_names '' :
		_cvmm_files ''
	elif [[ $command == memory ]]; then
		_cvmm_list '' memory
	elif [[ -n $command ]]; then
		# shellcheck disable=SC2046 # a list of words
		_cvmm_say $(grep -o 'builtin:[a-z]*' <<<"$help" | sort -u)
		_cvmm_files ''
	fi
}

# shellcheck disable=SC2046 # a list of words
complete -F _cvmm cvmm vhost-user-tool $(compgen -c cvmm-vhost-user- | sort -u)
