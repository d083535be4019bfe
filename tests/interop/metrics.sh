# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# Rules of Prometheus for the names of metrics.

may_use promtool

# metrics_rules FILE: prints each metric that breaks a rule, as "promtool check metrics" does, which
# judges, too, where it is installed.
metrics_rules() {
	[ -z "$(awk '
		function bad(why) { print name ": " why }
		$1 == "#" && $2 == "HELP" { help[$3] = NF > 3; next }
		$1 == "#" && $2 == "TYPE" {
			name = $3
			type[name] = $4
			if (!help[name]) bad("no help")
			if ($4 == "counter" && name !~ /_total$/) bad("a counter without _total")
			if ($4 != "counter" && name ~ /_total$/) bad("_total without a counter")
			if ($4 != "histogram" && name ~ /_(count|sum|bucket)$/) bad("the name of a histogram")
			if (name ~ /_(ns|us|ms|s|sec|b|kb|mb|gb|h|d|nanoseconds|microseconds|milliseconds|minutes)(_total)?$/) bad("not a base unit")
			if (name ~ /[A-Z:]/ || name ~ /_(counter|gauge|histogram)(_|$)/) bad("a word of another kind")
			next
		}
		{ name = $1; sub(/{.*/, "", name); family = name; sub(/_(bucket|sum|count)$/, "", family)
		  if (!(name in type) && !(family in type)) bad("no type") }' "$1" | tee /dev/stderr)" ] || return 1
	! have promtool || promtool check metrics <"$1" >&2
}
