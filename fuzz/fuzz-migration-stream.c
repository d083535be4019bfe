/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The two readers of a migration: the destination, which stores memory and, with
 * post-copy, places missing pages where userfaultfd is permitted; and the source, which
 * reads replies and serves requested pages. The first byte of an input selects the reader and what follows:
 * the bytes of a stream, or sections that get correct checksums. An address is an index
 * of a boundary and a distance to it.
 *
 * Invariants: memory has exactly what valid sections of the stream store there, and each
 * failure has a sentence.
 *
 * Finally prints its reach.
 */
#include <config.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/json_read.h>
#include <vmm-sys-util/sock.h>

#include "migration/pages.h"
#include "play.h"
#include "postcopy.h"

#define SOURCE_READS	1u	/* bits of the first byte */
#define BUILT		2u
#define SERVES		4u	/* for a source: serves pages, as in post-copy */

#define LEN		UINT64_C(0x8000) /* of each region */
#define MAX_WORDS	64
#define MAX_FILL	0x9000u
#define VERSION_AT	16u	/* in a section's header */
#define FLAGS_AT	24u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The guest's memory, a model of its content, and ranges that a stream must not write. */
static const struct place {
	uint64_t gpa;
	uint32_t flags;
	bool memory;		/* memory; else a window */
} places[] = {
	{ 0, VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED, true },
	{ 0x100000, VMEM_BLOCK_WRITE, true },
	{ 0x200000, VMEM_BLOCK_SHARED, true },
	{ 0x300000, VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED, false },
};
#define PLACES (sizeof(places) / sizeof(places[0]))

static const char *const names[] = {
	"pages", "zeros", "arguments", "head", "state", "go", "ready", "loaded",
	"running", "failed", "unknown", "missing", "want", "complete", "postcopy",
};
#define NAMES (sizeof(names) / sizeof(names[0]))

static struct vmem_map *map;		/* without the window */
static struct vmem_region *window;
static unsigned char *real[PLACES], model[PLACES][LEN];
static struct postcopy postcopy;	/* with the first place only */
static uint64_t stored, cleared, refused, ended, replies;

static void report(void)
{
	fprintf(stderr, "stored %" PRIu64 ", cleared %" PRIu64 ", refused %" PRIu64 ", ended %" PRIu64 ", replies %" PRIu64
		", listed %" PRIu64 ", placed %" PRIu64 ", served %" PRIu64 "\n",
		stored, cleared, refused, ended, replies, postcopy.listed, postcopy.placed,
		postcopy.served);
}

/* --------------------------------------------------------------------- memory */

static struct vmem_region *make_region(unsigned int i)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	const struct vmem_fd_desc file = { .fd = fd, .flags = places[i].flags,
					   .len = LEN };
	struct vmem_region_desc desc = { .gpa = places[i].gpa, .len = LEN };
	struct vmem_region *region;

	CHECK(fd >= 0 && ftruncate(fd, (off_t)LEN) == 0);
	CHECK(vmem_block_new_fd(&file, &desc.block, NULL) == 0);
	close(fd);
	CHECK(vmem_region_new(&desc, &region, NULL) == 0);
	vmem_block_unref(desc.block);
	real[i] = vmem_region_hva(region);
	return region;
}

static void make_memory(void)
{
	struct vmem_region *regions[PLACES];
	unsigned int i;

	for (i = 0; i < PLACES; i++)
		regions[i] = make_region(i);
	window = regions[PLACES - 1];
	postcopy.memory.blocks[postcopy.memory.nblocks++] = vmem_region_block(regions[0]);
	CHECK(vmem_map_from_regions(regions, PLACES - 1, &map, NULL) == 0);
	for (i = 0; i < PLACES - 1; i++)
		vmem_region_unref(regions[i]);
	postcopy.map = map;
	postcopy.model = model[0];
	postcopy.len = LEN;
	atexit(report);
}

/* The model of a range, or NULL if a stream may not write to all of it. */
static unsigned char *find_model(uint64_t gpa, uint64_t len)
{
	unsigned int i;

	for (i = 0; i < PLACES; i++)
		if (places[i].memory && places[i].flags & VMEM_BLOCK_WRITE &&
		    gpa - places[i].gpa < LEN && len &&
		    len <= LEN - (gpa - places[i].gpa))
			return model[i] + (gpa - places[i].gpa);
	return NULL;
}

static void check_memory(void)
{
	unsigned int i;

	for (i = 0; i < PLACES; i++)
		CHECK(!memcmp(real[i], model[i], LEN));
}

static uint64_t read_u64(const unsigned char *at)
{
	uint64_t value = 0;
	int i;

	for (i = 7; i >= 0; i--)
		value = value << 8 | at[i];
	return value;
}

/* Whether the section may be stored; stores it in the model. */
static bool model_store(const struct vsu_state_section *s)
{
	const bool zeros = !strcmp(s->name, "zeros");
	unsigned char *at;
	uint64_t len;

	if (s->len < 8 || (zeros && s->len != 16))
		return false;
	len = zeros ? read_u64(s->bytes + 8) : s->len - 8;
	at = find_model(read_u64(s->bytes), len);
	if (at && zeros)
		memset(at, 0, (size_t)len);
	else if (at)
		memcpy(at, s->bytes + 8, (size_t)len);
	*(zeros ? &cleared : &stored) += at != NULL;
	return at != NULL;
}

/* --------------------------------------------------------------- arguments, memory */

static int read_arguments(struct vmm_stream *s, struct vsu_error *err)
{
	struct vsu_state_section section;
	char *words[MAX_WORDS], *text;
	int rc = vmm_stream_expect(s, "arguments", &section, err);

	if (rc < 0)
		return rc;
	text = malloc(section.len + 1);
	CHECK(text != NULL);
	memcpy(text, section.bytes, section.len);
	text[section.len] = '\0';
	(void)!vsu_json_read_strings(text, "arguments", words, MAX_WORDS, NULL);
	free(text);
	return vmm_stream_expect(s, "head", &section, err);
}

static int read_memory(struct vmm_stream *s, struct vsu_state_section *section,
		       struct vsu_error *err)
{
	bool valid;
	int rc;

	do {
		rc = vmm_stream_receive(s, section, err);
		if (rc < 0)
			return rc;
		rc = vmm_pages_receive(map, section, err);
		valid = rc <= 0 && model_store(section);
		CHECK(rc > 0 || (rc == 0) == valid);
	} while (!rc);
	refused += rc < 0;
	return rc;
}

/* --------------------------------------------------------------------- readers */

static int read_machine(struct vmm_stream *s, struct vsu_error *err)
{
	struct vsu_state_section section;
	struct vsu_state_fields fields;
	struct vsu_state state;
	int rc = vmm_stream_receive_header(s, err);

	if (!rc)
		rc = read_arguments(s, err);
	if (!rc)
		rc = read_memory(s, &section, err);
	if (rc >= 0 && !strcmp(section.name, "missing"))
		rc = postcopy_read_missing(&postcopy, s, &section, err);
	if (rc < 0)
		return rc;
	CHECK(section.len <= VSU_STATE_MAX);
	state = (struct vsu_state){ section.bytes, section.len };
	(void)!vsu_state_check(&state, NULL, NULL);
	rc = vmm_stream_expect(s, "go", &section, err);
	if (rc < 0)
		return rc;
	vmm_stream_fields(&section, &fields);
	vsu_state_get_u32(&fields);
	ended++;
	return vsu_state_fields_end(&fields, err);
}

static int read_replies(struct vmm_stream *s, struct vsu_error *err)
{
	static const char *const wanted[] = { "ready", "loaded", "running" };
	struct vsu_state_section section;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < 3; i++) {
		rc = vmm_stream_expect(s, wanted[i], &section, err);
		replies += !rc;
	}
	return rc;
}

/* Reads the replies of pre-copy after "ready", or requests. */
static int read_answers(struct vmm_stream *s, bool serves, struct vsu_error *err)
{
	struct vsu_state_section section;
	int rc;

	if (!serves)
		return read_replies(s, err);
	rc = vmm_stream_expect(s, "ready", &section, err);
	return rc ? rc : postcopy_serve(&postcopy, s, err);
}

/* --------------------------------------------------------------------- inputs */

/* Sends as many bytes as the socket buffers; a longer stream is truncated. */
static void send_bytes(int fd, const void *bytes, size_t len)
{
	(void)!send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static uint64_t take_address(struct input *in)
{
	const uint32_t where = take(in, 1);
	const uint64_t base = where % 8 < PLACES ? places[where % 8].gpa :
			      where % 8 == 7 ? 0 : places[where % 8 - 4].gpa + LEN;

	return base + (uint64_t)(int64_t)(int16_t)take(in, 2);
}

static void put_bytes(struct vsu_state_writer *w, struct input *in)
{
	size_t len = take(in, 2);

	if (len > (size_t)(in->end - in->p))
		len = (size_t)(in->end - in->p);
	vsu_state_put(w, in->p, len);
	in->p += len;
}

/* Repeats bytes, so that a short input can have long sections. */
static void put_fill(struct vsu_state_writer *w, struct input *in)
{
	static unsigned char fill[MAX_FILL];
	const uint32_t len = take(in, 2) % MAX_FILL;

	memset(fill, (int)take(in, 1), len);
	vsu_state_put(w, fill, len);
}

static void put_content(struct vsu_state_writer *w, const char *name,
			struct input *in)
{
	if (!strcmp(name, "pages") || !strcmp(name, "zeros") || !strcmp(name, "missing") ||
	    !strcmp(name, "want"))
		vsu_state_put_u64(w, take_address(in));
	if (!strcmp(name, "pages"))
		put_fill(w, in);
	else if (!strcmp(name, "zeros"))
		vsu_state_put_u64(w, take(in, 1) & 1 ? take_u64(in, 8) :
							 take(in, 2));
	else if (strcmp(name, "want") != 0)
		put_bytes(w, in);
}

/* A byte selects anomalies: bit 0 another version, bit 1 not required, bit 2 a damaged byte. */
static void send_section(struct vmm_stream *s, struct input *in)
{
	const char *name = names[take(in, 1) % NAMES];
	const uint32_t odd = take(in, 1);

	vmm_stream_begin(s, name);
	put_content(&s->w, name, in);
	CHECK(!s->w.out.error);
	if (odd & 1)
		s->w.out.bytes[VERSION_AT] = (unsigned char)take(in, 1);
	if (odd & 2)
		s->w.out.bytes[FLAGS_AT] = 0;
	vsu_state_section_end(&s->w);
	if (odd & 4)
		s->w.out.bytes[take(in, 2) % s->w.out.len] ^= 1u << odd / 8 % 8;
	send_bytes(s->fd, s->w.out.bytes, s->w.out.len);
}

static void send_input(struct vmm_stream *s, struct input *in)
{
	const uint32_t how = take(in, 1);

	if (!(how & BUILT)) {
		send_bytes(s->fd, in->p, (size_t)(in->end - in->p));
		return;
	}
	if (!(how & SOURCE_READS))
		CHECK(vmm_stream_send_header(s, NULL) == 0);
	while (in->p < in->end)
		send_section(s, in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmm_stream here, there;
	int rc, pair[2];

	if (!map)
		make_memory();
	CHECK(vsu_sock_pair(pair) == 0);
	vmm_stream_init(&here);
	vmm_stream_init(&there);
	here.fd = pair[0];
	there.fd = pair[1];
	send_input(&there, &in);
	CHECK(shutdown(there.fd, SHUT_WR) == 0);
	rc = size && data[0] & SOURCE_READS ? read_answers(&here, data[0] & SERVES, &err) :
					       read_machine(&here, &err);
	vmm_stream_close(&there);
	CHECK(rc >= 0 || err.msg[0]);
	vmm_stream_close(&here);
	check_memory();
	return 0;
}
