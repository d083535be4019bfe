/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about guest locks that apply to the host. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <vmm-sys-util/foreign.h>

#include "../suite.h"
#include "fs-rig.h"
#include "fs/data/data.h"

static struct fs_rig r;
static uint64_t file, fh;
static int others;	/* the same file, opened by a host process */

static void setup_with(bool locks, uint32_t handles)
{
	fs_rig_folder(&r);
	r.config.posix_lock = r.config.flock = locks;
	r.config.handles = handles;
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
}

static void open_both(void)
{
	file = fs_rig_lookup(&r, 1, "file");
	fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	others = openat(r.dir, "file", O_RDWR | O_CLOEXEC);
}

static void setup(void)
{
	setup_with(true, 0);
	open_both();
}

static void teardown(void)
{
	close(others);
	fs_rig_fini(&r);
}

static int lock(uint32_t opcode, uint64_t owner, uint32_t type, uint64_t start,
		uint64_t end)
{
	const struct fuse_lk_in in = {
		.fh = fh, .owner = owner,
		.lk = { .start = start, .end = end, .type = type },
	};

	return fs_rig_ask(&r, opcode, file, &in, sizeof(in), NULL, 0);
}

static int lock_whole(uint32_t type)
{
	const struct fuse_lk_in in = {
		.fh = fh, .lk = { .type = type }, .lk_flags = FUSE_LK_FLOCK,
	};

	return fs_rig_ask(&r, FUSE_SETLK, file, &in, sizeof(in), NULL, 0);
}

static int flush(uint64_t owner)
{
	const struct fuse_flush_in in = { .fh = fh, .lock_owner = owner };

	return fs_rig_ask(&r, FUSE_FLUSH, file, &in, sizeof(in), NULL, 0);
}

/* Tries a lock as a host process: 0 or an errno. */
static int host_tries(short type, off_t start, off_t len)
{
	struct flock record = { .l_type = type, .l_whence = SEEK_SET,
				.l_start = start, .l_len = len };

	return fcntl(others, F_OFD_SETLK, &record) < 0 ? errno : 0;
}

START_TEST(locks_are_offered_if_configured)
{
	struct fuse_init_out out;

	ck_assert_int_eq(fs_rig_begin(&r), 0);
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	ck_assert_uint_eq(out.flags & (FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS),
			  FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS);
}
END_TEST

START_TEST(without_the_option_locks_stay_in_the_guest)
{
	struct fuse_init_out out;

	setup_with(false, 0);
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	ck_assert(!(out.flags & (FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS)));
	open_both();
	ck_assert_int_eq(lock(FUSE_SETLK, 1, F_WRLCK, 0, 9), -ENOSYS);
	ck_assert_int_eq(lock(FUSE_GETLK, 1, F_WRLCK, 0, 9), -ENOSYS);
	ck_assert_int_eq(lock_whole(F_WRLCK), -ENOSYS);
	teardown();
}
END_TEST

START_TEST(record_lock_excludes_a_host_process)
{
	ck_assert_int_eq(lock(FUSE_SETLK, 1, F_WRLCK, 10, 19), 0);
	ck_assert_int_eq(host_tries(F_RDLCK, 19, 1), EAGAIN);
	ck_assert_int_eq(host_tries(F_RDLCK, 0, 10), 0);
	ck_assert_int_eq(host_tries(F_RDLCK, 20, 0), 0);
	ck_assert_int_eq(lock(FUSE_SETLK, 1, F_UNLCK, 10, INT64_MAX), 0);
	ck_assert_int_eq(host_tries(F_WRLCK, 10, 10), 0);
	ck_assert_int_eq(lock(FUSE_SETLK, 1, F_RDLCK, 0, INT64_MAX), -EAGAIN);
}
END_TEST

START_TEST(record_locks_of_two_owners_conflict)
{
	struct fuse_lk_out out;

	ck_assert_int_eq(lock(FUSE_SETLK, 1, F_WRLCK, 10, 19), 0);
	ck_assert_int_eq(lock(FUSE_SETLK, 1, F_RDLCK, 15, 30), 0);
	ck_assert_int_eq(lock(FUSE_SETLK, 2, F_WRLCK, 0, 10), -EAGAIN);
	ck_assert_int_eq(lock(FUSE_GETLK, 2, F_WRLCK, 0, 10), 0);
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	ck_assert_uint_eq(out.lk.type, F_WRLCK);
	ck_assert_uint_eq(out.lk.start, 10);
	ck_assert_uint_eq(out.lk.end, 14);
	ck_assert_int_eq(lock(FUSE_GETLK, 1, F_WRLCK, 0, INT64_MAX), 0);
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	ck_assert_uint_eq(out.lk.type, F_UNLCK);
}
END_TEST

START_TEST(flush_releases_the_record_locks_of_its_owner)
{
	ck_assert_int_eq(lock(FUSE_SETLK, 1, F_WRLCK, 0, 9), 0);
	ck_assert_int_eq(lock(FUSE_SETLK, 2, F_WRLCK, 10, 19), 0);
	ck_assert_int_eq(flush(1), 0);
	ck_assert_int_eq(host_tries(F_WRLCK, 0, 10), 0);
	ck_assert_int_eq(host_tries(F_WRLCK, 10, 10), EAGAIN);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_DESTROY, 0, NULL, 0, NULL, 0), 0);
	ck_assert_int_eq(host_tries(F_WRLCK, 10, 10), 0);
}
END_TEST

START_TEST(flush_of_an_owner_without_locks_succeeds)
{
	ck_assert_int_eq(flush(1), 0);
	ck_assert_int_eq(lock(FUSE_SETLK, 2, F_WRLCK, 10, 19), 0);
	ck_assert_int_eq(flush(1), 0);
	ck_assert_int_eq(host_tries(F_WRLCK, 10, 10), EAGAIN);
}
END_TEST

/* The guest's kernel unlocks by FLUSH only. */
START_TEST(files_with_record_locks_are_flushed_when_closed)
{
	struct fuse_open_out out;

	fs_rig_open(&r, FUSE_OPEN, file, O_RDONLY);
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	ck_assert(!(out.open_flags & FOPEN_NOFLUSH));
}
END_TEST

START_TEST(blocking_lock_request_does_not_block)
{
	ck_assert_int_eq(host_tries(F_WRLCK, 0, 1), 0);
	ck_assert_int_eq(lock(FUSE_SETLKW, 1, F_WRLCK, 0, 9), -EAGAIN);
	ck_assert_int_eq(lock(FUSE_SETLKW, 1, F_WRLCK, 1, 9), 0);
}
END_TEST

START_TEST(flock_belongs_to_its_handle)
{
	ck_assert_int_eq(lock_whole(F_RDLCK), 0);
	ck_assert_int_eq(flock(others, LOCK_SH | LOCK_NB), 0);
	ck_assert_int_eq(lock_whole(F_WRLCK), -EAGAIN);
	ck_assert_int_eq(flock(others, LOCK_UN), 0);
	ck_assert_int_eq(lock_whole(F_WRLCK), 0);
	ck_assert_int_lt(flock(others, LOCK_SH | LOCK_NB), 0);
	ck_assert_int_eq(lock_whole(F_UNLCK), 0);
	ck_assert_int_eq(flock(others, LOCK_EX | LOCK_NB), 0);
	ck_assert_int_eq(flock(others, LOCK_UN), 0);
	ck_assert_int_eq(lock_whole(F_WRLCK), 0);
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASE, file, fh), 0);
	ck_assert_int_eq(flock(others, LOCK_EX | LOCK_NB), 0);
}
END_TEST

START_TEST(invalid_locks_are_refused)
{
	ck_assert_int_eq(lock(FUSE_SETLK, 1, F_WRLCK, 9, 0), -EINVAL);
	ck_assert_int_eq(lock(FUSE_SETLK, 1, 77, 0, 9), -EINVAL);
	ck_assert_int_eq(lock(FUSE_SETLK, 1, F_WRLCK, UINT64_MAX, UINT64_MAX),
			 -EINVAL);
	ck_assert_int_eq(lock_whole(77), -EINVAL);
	fh++;
	ck_assert_int_eq(lock(FUSE_SETLK, 1, F_WRLCK, 0, 9), -EBADF);
}
END_TEST

START_TEST(a8_13_number_of_lock_owners_is_limited)
{
	uint64_t owner;

	setup_with(true, 16);
	open_both();
	for (owner = 1; owner <= 5; owner++)
		ck_assert_int_eq(lock(FUSE_SETLK, owner, F_RDLCK, 0, 9), 0);
	ck_assert_int_eq(lock(FUSE_SETLK, owner, F_RDLCK, 0, 9), -ENOLCK);
	ck_assert_int_eq(flush(1), 0);
	ck_assert_int_eq(lock(FUSE_SETLK, owner, F_RDLCK, 0, 9), 0);
	teardown();
}
END_TEST

/* Locks every second byte of the owner's area; returns the first error. */
static int lock_bytes(uint64_t owner, uint32_t n)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; !rc && i < n; i++)
		rc = lock(FUSE_SETLK, owner, F_RDLCK, (owner << 32) + 2 * i,
			  (owner << 32) + 2 * i);
	return rc;
}

START_TEST(a8_13_record_locks_of_an_owner_are_limited)
{
	const uint64_t base = UINT64_C(1) << 32;

	ck_assert_int_eq(lock_bytes(1, FS_MAX_OWNER_RECORD_LOCKS), 0);
	ck_assert_int_eq(lock(FUSE_SETLK, 1, F_RDLCK, 0, 0), -ENOLCK);
	ck_assert_int_eq(host_tries(F_WRLCK, 0, 1), 0);
	/* merges two locks: one more fits */
	ck_assert_int_eq(lock(FUSE_SETLK, 1, F_RDLCK, base + 1, base + 1), 0);
	ck_assert_int_eq(lock(FUSE_SETLK, 1, F_RDLCK, 10, 10), 0);
	ck_assert_int_eq(lock(FUSE_SETLK, 1, F_RDLCK, 20, 20), -ENOLCK);
	ck_assert_int_eq(lock(FUSE_SETLK, 1, F_UNLCK, 0, INT64_MAX), 0);
	ck_assert_int_eq(lock_bytes(1, FS_MAX_OWNER_RECORD_LOCKS), 0);
}
END_TEST

START_TEST(a8_13_record_locks_of_all_owners_are_limited)
{
	uint64_t owner;

	setup_with(true, 1024);
	open_both();
	for (owner = 1; owner <= FS_MAX_RECORD_LOCKS / FS_MAX_OWNER_RECORD_LOCKS; owner++)
		ck_assert_int_eq(lock_bytes(owner, FS_MAX_OWNER_RECORD_LOCKS), 0);
	ck_assert_int_eq(lock_bytes(owner, 1), -ENOLCK);
	ck_assert_int_eq(flush(1), 0);
	ck_assert_int_eq(lock_bytes(owner, FS_MAX_OWNER_RECORD_LOCKS), 0);
	teardown();
}
END_TEST

#define MODEL 48

/* Applies the change to a model of bytes; returns its number of locks. */
static uint32_t model_change(uint32_t *bytes, const struct fs_record_lock *change)
{
	uint32_t n = 0, i;

	for (i = 0; i < MODEL; i++) {
		if (i >= change->first && i <= change->last)
			bytes[i] = change->type;
		n += bytes[i] != F_UNLCK && (!i || bytes[i] != bytes[i - 1]);
	}
	return n;
}

static void check_step(struct fs_record_locks *now, uint32_t *bytes,
		       const struct fs_record_lock *change)
{
	const uint32_t n = model_change(bytes, change);
	struct fs_record_locks after;
	uint64_t at;
	uint32_t i;

	ck_assert_int_eq(virtdev_priv_fs_record_locks_after(now, change, &after), 0);
	free(now->list);
	*now = after;
	ck_assert_uint_eq(now->n, n);
	for (i = 0; i < now->n; i++)
		for (at = now->list[i].first; at <= now->list[i].last; at++)
			ck_assert_uint_eq(bytes[at], now->list[i].type);
}

START_TEST(recorded_ranges_are_merged_and_split_by_byte)
{
	static const uint32_t types[] = { F_RDLCK, F_WRLCK, F_UNLCK };
	struct fs_record_locks now = { .n = 0 };
	struct fs_record_lock change;
	const int steps = (int)scaled(20000);
	uint32_t bytes[MODEL];
	int step;

	for (step = 0; step < MODEL; step++)
		bytes[step] = F_UNLCK;
	for (step = 0; step < steps; step++) {
		change.first = (uint64_t)rand() % (MODEL - 8);
		change.last = change.first + (uint64_t)rand() % 9;
		change.type = types[rand() % 3];
		check_step(&now, bytes, &change);
	}
	free(now.list);
}
END_TEST

/* Unordered IDs that differ in their high or low bits. */
static uint64_t name_of(uint64_t i)
{
	return i & 1 ? i << 48 : i * 77;
}

START_TEST(a8_13_each_of_many_owners_has_its_own_record_locks)
{
	const off_t owners = 128;
	off_t i;

	setup_with(true, 4 * 128);
	open_both();
	for (i = 0; i < owners; i++)
		ck_assert_int_eq(lock(FUSE_SETLK, name_of((uint64_t)i), F_WRLCK,
				      (uint64_t)i, (uint64_t)i), 0);
	for (i = 0; i < owners; i += 3)
		ck_assert_int_eq(flush(name_of((uint64_t)i)), 0);
	for (i = 0; i < owners; i++)
		ck_assert_int_eq(host_tries(F_WRLCK, i, 1), i % 3 ? EAGAIN : 0);
	for (i = 1; i < owners; i += 3)
		ck_assert_int_eq(lock(FUSE_SETLK, name_of((uint64_t)i), F_UNLCK,
				      0, INT64_MAX), 0);
	for (i = 1; i < owners; i += 3)
		ck_assert_int_eq(host_tries(F_WRLCK, i, 1), 0);
	teardown();
}
END_TEST

/* Files without a server are closed directly, even if a closer is configured. */
START_TEST(reset_drops_locks_of_files_whose_server_died)
{
	struct vsu_closer *closer;

	ck_assert_int_eq(vsu_closer_new(&closer, NULL), 0);
	fs_rig_folder(&r);
	r.config.posix_lock = r.config.flock = true;
	r.config.closer = closer;
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
	open_both();
	ck_assert_int_eq(lock(FUSE_SETLK, 1, F_WRLCK, 0, 9), 0);
	ck_assert_int_eq(lock_whole(F_WRLCK), 0);
	virtdev_reset(r.dev);
	ck_assert_int_eq(host_tries(F_WRLCK, 0, 10), 0);
	ck_assert_int_eq(flock(others, LOCK_EX | LOCK_NB), 0);
	ck_assert_uint_eq(vsu_closer_waiting(closer), 0);
	teardown();
	vsu_closer_free(closer);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("lock");
	TCase *tc = tcase_create("lock"), *alone = tcase_create("alone");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, locks_are_offered_if_configured);
	tcase_add_test(tc, record_lock_excludes_a_host_process);
	tcase_add_test(tc, record_locks_of_two_owners_conflict);
	tcase_add_test(tc, flush_releases_the_record_locks_of_its_owner);
	tcase_add_test(tc, flush_of_an_owner_without_locks_succeeds);
	tcase_add_test(tc, files_with_record_locks_are_flushed_when_closed);
	tcase_add_test(tc, blocking_lock_request_does_not_block);
	tcase_add_test(tc, a8_13_record_locks_of_an_owner_are_limited);
	tcase_add_test(tc, flock_belongs_to_its_handle);
	tcase_add_test(tc, invalid_locks_are_refused);
	tcase_add_test(alone, without_the_option_locks_stay_in_the_guest);
	tcase_add_test(alone, a8_13_number_of_lock_owners_is_limited);
	tcase_add_test(alone, a8_13_record_locks_of_all_owners_are_limited);
	tcase_add_test(alone, recorded_ranges_are_merged_and_split_by_byte);
	tcase_add_test(alone, a8_13_each_of_many_owners_has_its_own_record_locks);
	tcase_add_test(alone, reset_drops_locks_of_files_whose_server_died);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, alone);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
