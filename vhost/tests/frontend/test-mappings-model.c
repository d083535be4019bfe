/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Random maps, unmaps, resets and disconnects of a back-end, compared with a
 * model that is an array of pages. Each reply is compared; the owner's
 * callbacks and /proc/self/maps are compared at intervals. TEST_SCALE scales
 * the number of operations (10: ten million, about a minute); TEST_SEED repeats
 * a run.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vm-memory/block.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../front_rig.h"
#include "../suite.h"
#include "frontend/priv.h"

#define PAGE UINT64_C(4096)
#define OPERATIONS 1000000u
#define PAGES 128u		/* of each of the two regions */
#define FILE_PAGES 256u
#define MAX_LEN 12u
#define BUDGET 64u
#define PAGE_BUDGET 120u
#define MAX_BATCH 16u
#define COMPARE_EVERY 4000u
#define NEED VHOST_USER_HDR_NEED_REPLY

static const uint8_t ids[2] = { 0, 9 };

struct mapping {
	uint32_t off, len, file;	/* pages */
	bool writable, used;
};

/* The model: mappings, and the mapping of each page (0: none). */
static struct {
	struct mapping maps[2][PAGES + 1];
	unsigned char owner[2][PAGES];
	unsigned int n, pages;
} model;

/*
 * The owner's view: the address of each page, and references that it drops
 * late.
 */
static struct {
	unsigned char *hva[2][PAGES];
	struct vmem_block *late[MAX_BATCH];
	unsigned int nlate;
} owner;

static int file_fd;
static uint64_t seed;

static uint32_t pick(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % below;
}

/* -------------------------------------------------------------------- model */

static int model_map(unsigned int r, const struct mapping *m)
{
	unsigned int id = 1, i;

	if (!m->len || m->off + m->len > PAGES || m->file + m->len > FILE_PAGES ||
	    model.n >= BUDGET || model.pages + m->len > PAGE_BUDGET)
		return 1;
	for (i = 0; i < m->len; i++)
		if (model.owner[r][m->off + i])
			return 1;
	while (model.maps[r][id].used)
		id++;
	model.maps[r][id] = *m;
	model.maps[r][id].used = true;
	memset(&model.owner[r][m->off], (int)id, m->len);
	model.n++;
	model.pages += m->len;
	return 0;
}

static int model_unmap(unsigned int r, uint32_t off, uint32_t len)
{
	unsigned int id = off < PAGES ? model.owner[r][off] : 0;
	struct mapping *m = &model.maps[r][id];

	if (!id || m->off != off || m->len != len)
		return 1;
	memset(&model.owner[r][off], 0, len);
	m->used = false;
	model.pages -= len;
	model.n--;
	return 0;
}

/* -------------------------------------------------------------------- owner */

static void note_change(const struct vhost_user_shmem_change *c)
{
	unsigned int r = c->shmid == ids[1];
	uint64_t first = c->offset / PAGE, n = c->len / PAGE, i;

	for (i = 0; i < n; i++) {
		ck_assert_int_eq(owner.hva[r][first + i] == NULL, c->map);
		owner.hva[r][first + i] = c->map ?
			vmem_block_hva(c->block) + i * PAGE : NULL;
	}
}

/* As a device with a request in flight, which completes after the unmap. */
static void hold(struct vmem_block *block)
{
	if (owner.nlate < MAX_BATCH && pick(8) == 0)
		owner.late[owner.nlate++] = vmem_block_ref(block);
}

static void drop_ref(void)
{
	while (owner.nlate)
		vmem_block_unref(owner.late[--owner.nlate]);
}

static void take_changes(struct vhost_user_shmem_change *changes,
			 unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		note_change(&changes[i]);
		if (!changes[i].map)
			hold(changes[i].block);
	}
}

/* --------------------------------------------------------------- comparison */

/* Page i of the file begins with i. */
static void compare_contents(unsigned int r)
{
	const struct mapping *m;
	unsigned int i, id;
	uint32_t tag;

	for (i = 0; i < PAGES; i++) {
		id = model.owner[r][i];
		ck_assert_int_eq(owner.hva[r][i] != NULL, id != 0);
		if (!id)
			continue;
		m = &model.maps[r][id];
		memcpy(&tag, owner.hva[r][i], sizeof(tag));
		ck_assert_uint_eq(tag, m->file + (i - m->off));
	}
}

struct line {
	unsigned long first, last, off;
	char permissions[8];
};

/* Finds the line of the process map that contains addr. */
static void find_line(FILE *maps, uintptr_t addr, struct line *l)
{
	char text[512];

	while (fgets(text, sizeof(text), maps))
		if (sscanf(text, "%lx-%lx %7s %lx", &l->first, &l->last,
			   l->permissions, &l->off) == 4 &&
		    addr < l->last)
			return;
	ck_abort_msg("no line for %#lx", (unsigned long)addr);
}

static void compare_page(const struct line *l, unsigned int r, unsigned int i,
			 uintptr_t addr)
{
	unsigned int id = model.owner[r][i];
	const struct mapping *m = &model.maps[r][id];

	ck_assert(l->first <= addr);
	ck_assert_str_eq(l->permissions,
			 !id ? "---p" : m->writable ? "rw-s" : "r--s");
	if (id)
		ck_assert_uint_eq(l->off + (addr - l->first),
				  (m->file + (i - m->off)) * PAGE);
}

/* Compares the window with the kernel's view: every page, mapped or not. */
static void compare_process_map(unsigned int r)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	struct line l = { 0, 0, 0, "" };
	unsigned int i, some = 0;
	uintptr_t base, addr;

	ck_assert_ptr_nonnull(maps);
	while (some < PAGES && !owner.hva[r][some])
		some++;
	base = some < PAGES ? (uintptr_t)owner.hva[r][some] - some * PAGE : 0;
	for (i = 0; base && i < PAGES; i++) {
		addr = base + i * PAGE;
		if (addr >= l.last)
			find_line(maps, addr, &l);
		compare_page(&l, r, i, addr);
	}
	fclose(maps);
}

static void compare(void)
{
	unsigned int r;

	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), model.n);
	for (r = 0; r < 2; r++) {
		compare_contents(r);
		compare_process_map(r);
	}
}

/* --------------------------------------------------------------- operations */

/* Mostly valid; sometimes beyond the region or the file, sometimes empty. */
static int random_map(void)
{
	unsigned int r = pick(2);
	const struct mapping m = {
		.off = pick(PAGES + 4), .len = pick(MAX_LEN),
		.file = pick(FILE_PAGES + 4), .writable = pick(2),
	};
	const struct vhost_user_shmem_mmap req = {
		.shmid = ids[r], .fd_offset = m.file * PAGE,
		.shm_offset = m.off * PAGE, .len = m.len * PAGE,
		.flags = m.writable,
	};

	peer_ask(&peer, VHOST_USER_BACKEND_SHMEM_MAP, NEED, &req, sizeof(req),
		 file_fd);
	return model_map(r, &m);
}

/*
 * Half of the requests cover exactly one mapping, if one exists at the chosen
 * page.
 */
static int random_unmap(void)
{
	unsigned int r = pick(2);
	uint32_t off = pick(PAGES), len = pick(MAX_LEN);
	unsigned int id = model.owner[r][off];
	struct vhost_user_shmem_mmap req = { .shmid = ids[r] };

	if (id && pick(8)) {
		off = model.maps[r][id].off;
		len = model.maps[r][id].len;
	}
	req.shm_offset = off * PAGE;
	req.len = len * PAGE;
	peer_ask(&peer, VHOST_USER_BACKEND_SHMEM_UNMAP, NEED, &req, sizeof(req),
		 -1);
	return model_unmap(r, off, len);
}

/* Sends several requests at once; each reply must be the model's. */
static unsigned int random_batch(void)
{
	unsigned int n = 1 + pick(MAX_BATCH), i;
	int want[MAX_BATCH];

	for (i = 0; i < n; i++)
		want[i] = pick(5) < 3 ? random_map() : random_unmap();
	for (i = 0; i < n; ) {
		while (vhost_user_frontend_dispatch(fe) == 1)
			;
		for (; i < n; i++) {
			int64_t got = peer_answer(&peer);

			if (got < 0)
				break;
			ck_assert_int_eq(got, want[i]);
		}
		drop_ref();
	}
	return n;
}

static void start(void)
{
	describe_rings(1);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}

static void nothing_is_mapped(void)
{
	unsigned int r, i;

	memset(&model, 0, sizeof(model));
	for (r = 0; r < 2; r++)
		for (i = 0; i < PAGES; i++)
			ck_assert_ptr_null(owner.hva[r][i]);
	drop_ref();
}

static void reset(void)
{
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(vhost_user_frontend_reset(fe, NULL), 0);
	nothing_is_mapped();
	peer.n = 0;
	start();
}

static void offer_regions(void)
{
	peer.protocol |= VHOST_USER_PROTOCOL_BIT(BACKEND_SEND_FD) |
			 VHOST_USER_PROTOCOL_BIT(SHMEM);
	peer.shmem.nregions = 2;
	peer.shmem.sizes[ids[0]] = PAGES * PAGE;
	peer.shmem.sizes[ids[1]] = PAGES * PAGE;
}

static void open_and_start(void)
{
	config.max_shmem_maps = BUDGET;
	config.max_shmem_mapped = PAGE_BUDGET * PAGE;
	offer_regions();
	become_ready();
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	start();
}

/* The back-end disconnects, and another one connects. */
static void reconnect(void)
{
	int pair[2];

	peer_fini(&peer);
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_DEAD);
	nothing_is_mapped();
	vhost_user_frontend_free(fe);
	fe = NULL;
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	peer_init(&peer, pair[1]);
	peer.extra = pair[0];
	open_and_start();
}

static unsigned int count_process_map(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned int n = 0;
	char text[512];

	ck_assert_ptr_nonnull(maps);
	while (fgets(text, sizeof(text), maps))
		n += strstr(text, "memfd:") != NULL;
	fclose(maps);
	return n;
}

static void make_file(void)
{
	uint32_t i;

	file_fd = new_memfd(FILE_PAGES * PAGE);
	for (i = 0; i < FILE_PAGES; i++)
		ck_assert_int_eq(pwrite(file_fd, &i, sizeof(i),
					(off_t)(i * PAGE)), sizeof(i));
}

static void run_model(unsigned long operations)
{
	unsigned long done = 0, next = COMPARE_EVERY;

	while (done < operations) {
		done += random_batch();
		if (pick(2000) == 0)
			reset();
		if (pick(5000) == 0)
			reconnect();
		if (done < next)
			continue;
		next += COMPARE_EVERY;
		compare();
	}
	compare();
}

START_TEST(back_end_and_model_agree)
{
	const char *given = getenv("TEST_SEED");
	unsigned int files;

	setup();
	make_file();
	grow_map(0, MIB);
	files = count_process_map();
	seed = given ? strtoull(given, NULL, 0) : UINT64_C(0x9e3779b97f4a7c15);
	on_changes = take_changes;
	open_and_start();
	run_model(scaled(OPERATIONS));
	vhost_user_frontend_free(fe);
	fe = NULL;
	nothing_is_mapped();
	ck_assert_uint_eq(count_process_map(), files);
	close(file_fd);
	teardown();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("shmem-model");
	TCase *tc = tcase_create("model");

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 600);
	tcase_add_test(tc, back_end_and_model_agree);
	return run_suite(s);
}
