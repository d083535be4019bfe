# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# JSON, parsed by perl's own module; automake requires perl.

may_use perl
have_json() { perl -MJSON::PP -e 1 2>/dev/null; }

# json_check NAME COMMAND…: as check; skipped if no JSON parser is available
json_check() {
	if have_json; then check "$@"; else tap_skip "$1" "perl's JSON::PP is not installed"; fi
}

# json_get FILE KEY…: the value at these keys or indexes; elements of a list and
# keys of an object are printed one per line
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
