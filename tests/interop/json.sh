# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# JSON, as perl's own module sees it: perl is where automake is.

may_use perl
have_json() { perl -MJSON::PP -e 1 2>/dev/null; }

# json_check NAME COMMAND…: as check, skipped where nothing here reads JSON
json_check() {
	if have_json; then check "$@"; else tap_skip "$1" "perl's JSON::PP is not installed"; fi
}

# json_get FILE KEY…: the value below these keys or indexes; a list's elements
# and an object's keys come one per line
json_get() {
	local file=$1; shift

	perl -MJSON::PP -e '
		my $file = shift;
		open(my $in, "<", $file) or die;
		local $/;
		my $at = decode_json(<$in>);
		for my $key (@ARGV) {
			$at = ref $at eq "ARRAY" ? $at->[$key] : $at->{$key};
			die "no $key\n" unless defined $at;
		}
		print "$_\n" for ref $at eq "ARRAY" ? @$at : ref $at eq "HASH" ? sort keys %$at : $at;
	' "$file" "$@"
}
