/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Runs a fuzz target on its corpus, with one TAP line per file: the test of a target where
 * libFuzzer is not linked. A finding ends the program, so the file whose line is missing
 * caused it. Usage: fuzz-NAME [FILE|FOLDER...]; without arguments the folder NAME of the
 * corpus.
 */
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A larger file does not help a fuzzer, and is a mistake in a corpus. */
#define INPUT_LIMIT (1u << 20)

static unsigned int count, failed;

static void report(const char *path, const char *problem)
{
	count++;
	if (problem) {
		failed++;
		printf("not ok %u - %s: %s\n", count, path, problem);
	} else {
		printf("ok %u - %s\n", count, path);
	}
	fflush(stdout);
}

static void run_file(const char *path)
{
	const char *problem = NULL;
	uint8_t *data = malloc(INPUT_LIMIT);
	FILE *f = fopen(path, "rb");
	uint8_t *exact;
	size_t size;

	if (!data || !f) {
		problem = strerror(errno);
	} else {
		size = fread(data, 1, INPUT_LIMIT, f);
		/* of the exact size, so that a sanitizer detects an access behind the end */
		exact = malloc(size ? size : 1);
		if (exact) {
			memcpy(exact, data, size);
			LLVMFuzzerTestOneInput(exact, size);
		} else {
			problem = strerror(ENOMEM);
		}
		free(exact);
	}
	if (f)
		fclose(f);
	free(data);
	report(path, problem);
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void run_folder(const char *path)
{
	struct dirent **names;
	char file[4096];
	int i, n;

	n = scandir(path, &names, visible, alphasort);
	if (n < 0) {
		report(path, strerror(errno));
		return;
	}
	for (i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		run_file(file);
		free(names[i]);
	}
	free(names);
}

static void run_path(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		report(path, strerror(errno));
	else if (S_ISDIR(st.st_mode))
		run_folder(path);
	else
		run_file(path);
}

/* corpus/NAME for a program called .../fuzz-NAME or .../lt-fuzz-NAME */
static void run_own_corpus(const char *program)
{
	const char *name = strstr(program, "fuzz-");
	char folder[4096];

	while (name && strstr(name + 1, "fuzz-"))
		name = strstr(name + 1, "fuzz-");
	snprintf(folder, sizeof(folder), "%s/%s", CORPUS_DIR,
		 name ? name + strlen("fuzz-") : program);
	run_path(folder);
}

int main(int argc, char **argv)
{
	int i;

	if (argc < 2)
		run_own_corpus(argv[0]);
	for (i = 1; i < argc; i++)
		run_path(argv[i]);
	printf("1..%u\n", count);
	return failed || !count ? EXIT_FAILURE : EXIT_SUCCESS;
}
