# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# The control socket of a machine. Source it after lib.sh.
#
#   ctl SOCKET WORD...   as cvmm ctl, and keeps request and answer
#   answers_checked      claims that all kept answers match docs/control-schema.json

may_use python3

EXCHANGES=$WORK/exchanges
# Seconds: a guest moves slowly under a sanitizer.
CTL_LIMIT=$(sanitized && echo 600 || echo 60)

ctl() {
	local answer status

	answer=$(timeout "$CTL_LIMIT" "$CVMM" ctl "$@")
	status=$?
	[ -z "$answer" ] || printf '%s\n' "$answer"
	[[ $answer != '{'* ]] || printf '%s\t%s\n' "${*:2}" "$answer" >>"$EXCHANGES"
	return $status
}

have_schemas() { python3 -c 'import jsonschema; jsonschema.Draft202012Validator' 2>/dev/null; }

answers_checked() {
	local claim="each answer of the control socket matches docs/control-schema.json"

	if have python3 && have_schemas; then
		check "$claim" python3 "$INTEROP/control_schema.py" "$INTEROP/../../docs/control-schema.json" "$EXCHANGES"
	else
		tap_skip "$claim" "python3 has no module jsonschema 4"
	fi
}
