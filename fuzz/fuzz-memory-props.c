/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The parser and checks of memory properties. The first 8 bytes are facts about
 * host and file, the rest is the list. Invariants: no file is opened, a
 * rejection is a printable sentence, and an accepted list satisfies the rules
 * that later code relies on.
 */
#include <config.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <vm-memory/backend.h>

#define FACTS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void check_sentence(int rc, const struct vsu_error *err)
{
	const char *c;

	demand(memchr(err->msg, '\0', sizeof(err->msg)) != NULL);
	if (rc >= 0)
		return;
	demand(err->code == rc && err->msg[0]);
	for (c = err->msg; *c; c++)
		demand((unsigned char)*c >= 0x20 && *c != 0x7f);
}

static void read_facts(const uint8_t *d, struct vmem_backend_facts *f)
{
	memset(f, 0, sizeof(*f));
	f->size = sizeof(*f);
	f->host_page = 4096;
	f->page_size = d[0] & 1 ? 2ull << 20 : 4096;
	f->huge_page = d[0] & 2 ? 2ull << 20 : 0;
	f->file = (enum vmem_file_state)(d[1] % (VMEM_FILE_OTHER + 1));
	f->file_size = (uint64_t)d[2] << (d[3] % 56);
	f->file_align = d[4] & 1 ? 2ull << 20 : 0;
	f->overcommit = d[5];
	f->kvm = d[6];
}

/* Checks what the mapping relies on: pages, sums and the three refused combinations. */
static void check_accepted(const struct vmem_backend *b,
			   const struct vmem_backend_facts *f)
{
	uint64_t size = vmem_backend_value(b, "size");
	uint64_t offset = vmem_backend_value(b, "offset");
	uint64_t end;

	demand(size > 0);
	demand(!__builtin_add_overflow(size, offset, &end));
	demand(end <= INT64_MAX);
	if (vmem_backend_value(b, "backend") != VMEM_KIND_FILE)
		return;
	demand(vmem_backend_value(b, "rom") != 1 ||
	       vmem_backend_value(b, "readonly"));
	if (f->file == VMEM_FILE_UNKNOWN)
		return;
	demand(size % f->page_size == 0 && offset % f->page_size == 0);
	demand(!f->file_size || end <= f->file_size);
	demand(f->file != VMEM_FILE_FIFO && f->file != VMEM_FILE_SOCKET);
}

static void judge(const char *list, const struct vmem_backend_facts *facts)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_backend *b;
	int rc;

	demand(!vmem_backend_new(&b));
	rc = vmem_backend_parse(b, "--memory", list, &err);
	check_sentence(rc, &err);
	if (!rc) {
		rc = vmem_backend_check(b, facts, &err);
		check_sentence(rc, &err);
	}
	if (!rc)
		check_accepted(b, facts);
	vmem_backend_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vmem_backend_facts facts;
	char *list;

	if (size < FACTS)
		return 0;
	read_facts(data, &facts);
	list = malloc(size - FACTS + 1);
	demand(list != NULL);
	memcpy(list, data + FACTS, size - FACTS);
	list[size - FACTS] = '\0';
	judge(list, &facts);
	free(list);
	return 0;
}
