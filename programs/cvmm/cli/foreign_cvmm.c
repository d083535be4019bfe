/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Options of docker, podman and others, for ps and without a command. */
#include <config.h>

#include "common/foreign_words.h"

const struct vmm_foreign_word vmm_foreign_ps[] = {
	{ .theirs = "-a --all -l --latest", .ours = "leave it out: all machines that run are listed, of others nothing remains" },
	{ .theirs = "-n --last", .ours = "leave it out: all machines that run are listed", .value = "N" },
	{ .theirs = "--format -o --output", .ours = "--json", .value = "FORMAT" },
	{ .theirs = "-q --quiet --no-trunc -s --size --noheading -p --pod --ns", .ours = "--json for all facts" },
	{ .theirs = "-f --filter", .ours = "a folder of sockets as the last word: cvmm ps FOLDER", .value = "FILTER" },
	{ .theirs = NULL },
};

const struct vmm_foreign_word vmm_foreign_main[] = {
	{ .theirs = "-v -version", .ours = "--version" },
	{ .theirs = "-H -? -help", .ours = "--help" },
	{ .theirs = NULL },
};
