/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about devices of an owner, under the built-in guest. */
#include <config.h>

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include <virtio-devices/device.h>
#include <virtio-devices/ids.h>
#include <virtio-devices/report.h>
#include <virtio-devices/state.h>
#include <virtio-queue/cursor.h>
#include <vmm-sys-util/fd.h>

#include "../guests.h"
#include "owner.h"

/* An entropy device whose bytes are those of a generator: its state is the seed. */
struct noise {
	struct virtdev *dev;
	struct vq *q;
	uint64_t seed;
	unsigned int requests, freed;
};

static struct one one;
static struct noise noise, other;

/* ------------------------------------------------------------------- the model */

static uint32_t answer(void *opaque, struct vq *q, struct vq_chain *chain)
{
	struct noise *n = opaque;
	struct vq_cursor out;
	uint32_t len = 0;
	unsigned char byte;

	vq_writer_init(&out, q, chain);
	while (vq_cursor_left(&out)) {
		n->seed = n->seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		byte = (unsigned char)(n->seed >> 56);
		len += vq_cursor_write(&out, &byte, 1);
	}
	n->requests++;
	return len;
}

static int queue_start(void *self, uint32_t queue, struct vq *q, struct vsu_error *why)
{
	(void)queue;
	(void)why;
	((struct noise *)self)->q = q;
	return 0;
}

static int queue_serve(void *self, uint32_t queue)
{
	struct noise *n = self;
	const struct vq_turn turn = { .size = sizeof(turn), .serve = answer, .opaque = n };

	return virtdev_queue_turn(n->dev, queue, n->q, &turn);
}

static void noise_save(void *self, struct virtdev_state_writer *w)
{
	virtdev_state_put_u64(w, ((struct noise *)self)->seed);
}

static int noise_load(void *self, uint32_t version, struct virtdev_state_reader *r,
		      struct vsu_error *why)
{
	const uint64_t seed = virtdev_state_get_u64(r);
	int rc = virtdev_state_end(r, why);

	(void)version;
	if (!rc)
		((struct noise *)self)->seed = seed;
	return rc;
}

static void noise_free(void *self)
{
	((struct noise *)self)->freed++;
}

static void noise_new_of_id(struct noise *n, uint32_t id)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "noise", .queue_start = queue_start,
		.queue_serve = queue_serve, .state_save = noise_save,
		.state_load = noise_load, .free = noise_free,
	};
	const struct virtdev_info info = {
		.id = id, .nqueues = 1, .queue_size_max = 64,
		.features = VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC,
	};

	memset(n, 0, sizeof(*n));
	OK(virtdev_new(&ops, &info, n, &n->dev, &err));
}

static void noise_new(struct noise *n, uint64_t seed)
{
	noise_new_of_id(n, VIRTDEV_ID_ENTROPY);
	n->seed = seed;
}

/* ------------------------------------------------------------------- the owner */

static int try_with(struct one *o, const struct noise *n, size_t nwords, const char *const *words)
{
	static struct cvmm_own_device device;	/* the machine reads it until it is freed */
	const struct cvmm_host host = { .devices = &device, .ndevices = n->dev ? 1 : 0 };

	device = (struct cvmm_own_device){ "noise", n->dev };
	return make_with(o, &host, nwords, words);
}

#define MAKE_WITH(o, n, ...) OK(try_with(o, n, WORDS(__VA_ARGS__)))
#define OWN "--device=own:noise"
#define OWN_LOOPS LOOPS, OWN
#define ON_BUS LOOPS, "--transport=pci"

static void free_both(struct one *o, struct noise *n)
{
	cvmm_machine_free(o->m);
	ck_assert_uint_eq(n->freed, 0);
	virtdev_free(n->dev);
	ck_assert_uint_eq(n->freed, 1);
	n->dev = NULL;
}

static const char *const buses[] = { "--transport=mmio", "--transport=pci" };

START_TEST(guest_uses_the_device)
{
	const int before = vsu_fd_count();

	noise_new(&noise, 1);
	MAKE_WITH(&one, &noise, "builtin:selftest", "--serial=null", OWN, buses[_i], "--rng=");
	start(&one);
	ck_assert_int_eq(run_to_end(&one), VSU_EXIT_OK);
	ck_assert_uint_eq(noise.requests, 2);
	free_both(&one, &noise);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(device_serves_one_machine_after_the_other)
{
	int i;

	noise_new(&noise, 1);
	for (i = 1; i <= 2; i++) {
		MAKE_WITH(&one, &noise, "builtin:selftest", "--serial=null", OWN);
		start(&one);
		ck_assert_int_eq(run_to_end(&one), VSU_EXIT_OK);
		cvmm_machine_free(one.m);
		virtdev_reset(noise.dev);
		ck_assert_int_eq(noise.requests, 2 * i);
	}
	virtdev_free(noise.dev);
}
END_TEST

START_TEST(status_names_the_device)
{
	struct cvmm_device d = { .size = sizeof(d) };

	noise_new(&noise, 1);
	MAKE_WITH(&one, &noise, OWN_LOOPS);
	start(&one);
	OK(cvmm_machine_get_device(one.m, 0, &d, &err));
	ck_assert_str_eq(d.kind, "own");
	ck_assert_str_eq(d.name, "noise");
	ck_assert_uint_eq(d.id, VIRTDEV_ID_ENTROPY);
	ck_assert_int_eq(cvmm_machine_resize_device(one.m, 0, 1 << 20, &err), -EOPNOTSUPP);
	ck_assert_int_eq(cvmm_machine_limit_device(one.m, 0, "rate=1M", &err), -EOPNOTSUPP);
	free_both(&one, &noise);
}
END_TEST

static const struct {
	const char *word;
	int code;
	const char *why;
} refusals[] = {
	{ "--device=own:", -EINVAL, "the value is empty" },
	{ "--device=own:a,b", -EINVAL, "the name may contain letters" },
	{ "--device=own:0123456789012345678901234567890123456", -EINVAL, "at most 36" },
	{ "--device=own:nosie", -ENOENT, "device 'own:nosie': the program that runs this machine" },
	{ "--device=own:noise", -EBUSY, "device 'own:noise': another device" },
};

START_TEST(refused_device_stays_with_its_owner)
{
	const int before = vsu_fd_count();

	noise_new(&noise, 1);
	ck_assert_int_eq(try_with(&one, &noise, WORDS(OWN_LOOPS, refusals[_i].word)),
			 refusals[_i].code);
	ck_assert_msg(strstr(err.msg, refusals[_i].why) != NULL, "%s", err.msg);
	ck_assert_int_eq(vsu_fd_count(), before);
	MAKE_WITH(&one, &noise, OWN_LOOPS);
	free_both(&one, &noise);
}
END_TEST

/* Later steps fail, when the machine serves the device already. */
START_TEST(device_of_a_machine_that_cannot_be_made_stays_with_its_owner)
{
	struct one second;

	noise_new(&noise, 1);
	ck_assert_int_eq(try_with(&one, &noise, WORDS(OWN_LOOPS, "--disk=/nowhere")), -ENOENT);
	MAKE_WITH(&one, &noise, OWN_LOOPS);
	ck_assert_int_eq(try_with(&second, &noise, WORDS(OWN_LOOPS)), -EBUSY);
	start(&one);
	free_both(&one, &noise);
}
END_TEST

static unsigned int lines;

static void on_log(void *opaque, enum cvmm_log_level level, const char *cause, const char *text)
{
	(void)opaque;
	(void)cause;
	ck_assert_int_eq(level, CVMM_LOG_WARNING);
	ck_assert_str_eq(text, "noise 'noise': dry");
	lines++;
}

START_TEST(reports_of_the_device_are_logged_while_the_machine_exists)
{
	const struct vsu_error dry = { .code = -EIO, .msg = "dry" };
	const struct cvmm_own_device device = { "noise", (noise_new(&noise, 1), noise.dev) };
	const struct cvmm_host host = { .devices = &device, .ndevices = 1, .log = on_log };

	OK(make_with(&one, &host, WORDS(OWN_LOOPS)));
	virtdev_report(noise.dev, &dry);
	ck_assert_uint_eq(lines, 1);
	cvmm_machine_free(one.m);
	virtdev_report(noise.dev, &dry);
	ck_assert_uint_eq(lines, 1);
	virtdev_free(noise.dev);
}
END_TEST

START_TEST(reports_stay_with_the_machine_that_serves_the_device)
{
	const struct vsu_error dry = { .code = -EIO, .msg = "dry" };
	const struct cvmm_own_device device = { "noise", (noise_new(&noise, 1), noise.dev) };
	const struct cvmm_host host = { .devices = &device, .ndevices = 1, .log = on_log };
	struct one second;

	OK(make_with(&one, &host, WORDS(OWN_LOOPS)));
	ck_assert_int_eq(try_with(&second, &noise, WORDS(OWN_LOOPS)), -EBUSY);
	virtdev_report(noise.dev, &dry);
	ck_assert_uint_eq(lines, 1);
	cvmm_machine_free(one.m);
	virtdev_free(noise.dev);
}
END_TEST

/* --------------------------------------------------------------------- hot plug */

static int add(const char *name, struct noise *n, unsigned int *number)
{
	const struct cvmm_own_device device = { name, n->dev };

	one.answered = false;
	return cvmm_machine_add_own_device(one.m, &device, number, on_answer, &one, &err);
}

static void remove_device(unsigned int number)
{
	one.answered = false;
	one.seen[CVMM_EVENT_DEVICE_REMOVED] = 0;
	OK(cvmm_machine_remove_device(one.m, number, true, on_answer, &one, &err));
	wait_for_answer(&one);
	ck_assert_uint_eq(one.seen[CVMM_EVENT_DEVICE_REMOVED], 1);
	ck_assert_uint_eq(one.last.device, number);
}

START_TEST(device_is_added_and_removed)
{
	unsigned int number, i;

	MAKE(&one, ON_BUS, "--rng=");
	start(&one);
	for (i = 0; i < 3; i++) {
		noise_new(&noise, 1);
		OK(add("more", &noise, &number));
		ck_assert_uint_eq(number, 1);
		ck_assert_uint_eq(one.answer.device, 1);
		remove_device(number);
		ck_assert_uint_gt(one.last.time_us, 0);
		virtdev_free(noise.dev);
		ck_assert_uint_eq(noise.freed, 1);
	}
	remove_device(0);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(device_of_the_host_is_added_by_its_name)
{
	unsigned int number;

	noise_new(&noise, 1);
	MAKE_WITH(&one, &noise, ON_BUS);
	start(&one);
	OK(cvmm_machine_add_device(one.m, "own:noise", NULL, 0, &number, NULL, NULL, &err));
	ck_assert_uint_eq(number, 0);
	remove_device(0);
	OK(cvmm_machine_add_device(one.m, "own:noise", NULL, 0, NULL, NULL, NULL, &err));
	free_both(&one, &noise);
}
END_TEST

START_TEST(addition_that_is_refused_leaves_the_device_to_its_owner)
{
	unsigned int number = 7;

	noise_new(&noise, 1);
	noise_new(&other, 1);
	MAKE_WITH(&one, &noise, ON_BUS, OWN);
	ck_assert_int_eq(add("more", &other, &number), -EAGAIN);
	start(&one);
	ck_assert_int_eq(add("a b", &other, &number), -EINVAL);
	ck_assert_int_eq(add("", &other, &number), -EINVAL);
	ck_assert_int_eq(add("more", &noise, &number), -EBUSY);
	ck_assert_int_eq(cvmm_machine_add_device(one.m, "own:more", NULL, 0, &number, NULL, NULL, &err), -ENOENT);
	ck_assert_uint_eq(number, 7);
	OK(add("more", &other, &number));
	ck_assert_uint_eq(number, 1);
	free_both(&one, &noise);
	virtdev_free(other.dev);
}
END_TEST

START_TEST(addition_without_a_bus_is_refused)
{
	noise_new(&noise, 1);
	MAKE(&one, LOOPS);
	start(&one);
	ck_assert_int_eq(add("noise", &noise, NULL), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "--transport=pci"));
	free_both(&one, &noise);
}
END_TEST

/* --------------------------------------------------------- machines that continue */

static char from[160];
static uint64_t seeds[2];	/* of the saved devices */

/* A saved machine with a device of the start, and one that was added. */
static void save_with_devices(void)
{
	struct cvmm_save target = { .size = sizeof(target), .then = CVMM_THEN_STOP };

	noise_new(&noise, 11);
	noise_new(&other, 22);
	MAKE_WITH(&one, &noise, ON_BUS, OWN);
	start(&one);
	OK(add("more", &other, NULL));
	snprintf(from, sizeof(from), "--from=%s/saved", folder);
	target.folder = from + strlen("--from=");
	one.answered = false;
	OK(cvmm_machine_save(one.m, &target, on_answer, &one, &err));
	wait_for_answer(&one);
	cvmm_machine_free(one.m);
	seeds[0] = noise.seed;
	seeds[1] = other.seed;
	virtdev_free(noise.dev);
	virtdev_free(other.dev);
}

static int continue_saved(unsigned int ndevices, const char *word)
{
	static struct cvmm_own_device devices[2];
	const struct cvmm_host host = { .devices = devices, .ndevices = ndevices };

	devices[0] = (struct cvmm_own_device){ "more", other.dev };
	devices[1] = (struct cvmm_own_device){ "noise", noise.dev };
	return make_with(&one, &host, WORDS(from, word));
}

static const char *const ways[] = { "--latency", "--clone" };

START_TEST(saved_devices_continue_by_their_names)
{
	struct cvmm_device d = { .size = sizeof(d) };

	save_with_devices();
	noise_new(&noise, 1);
	noise_new(&other, 2);
	OK(continue_saved(2, ways[_i]));
	ck_assert_uint_eq(noise.seed, seeds[0]);
	ck_assert_uint_eq(other.seed, seeds[1]);
	start(&one);
	OK(cvmm_machine_get_device(one.m, 1, &d, &err));
	ck_assert_str_eq(d.name, "more");
	free_both(&one, &noise);
	virtdev_free(other.dev);
}
END_TEST

START_TEST(saved_machine_without_its_device_is_refused_by_name)
{
	save_with_devices();
	noise_new(&noise, 1);
	noise_new(&other, 2);
	ck_assert_int_eq(continue_saved(1, "--clone"), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "device 'own:noise'"));
	virtdev_free(noise.dev);
	noise_new_of_id(&noise, VIRTDEV_ID_BALLOON);
	ck_assert_int_eq(continue_saved(2, "--clone"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "device 0 of the saved machine differs"));
	ck_assert_uint_eq(other.seed, 2);
	virtdev_free(noise.dev);
	virtdev_free(other.dev);
}
END_TEST

struct arrival {
	struct one one;
	struct cvmm_own_device device;
	int socks[2];		/* of the source, of the destination */
};

static bool is_awaited(const struct arrival *a)
{
	struct cvmm_statistics s = { .size = sizeof(s) };

	OK(cvmm_machine_get_statistics(a->one.m, &s, &err));
	return s.state == CVMM_STATE_WAITING;
}

static void begin_arrival(struct arrival *a, struct noise *to)
{
	const struct cvmm_host host = { .devices = &a->device, .ndevices = to->dev ? 1 : 0 };
	char incoming[32];

	memset(a, 0, sizeof(*a));
	a->device = (struct cvmm_own_device){ "noise", to->dev };
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, a->socks), 0);
	snprintf(incoming, sizeof(incoming), "--incoming=fd:%d", a->socks[1]);
	OK(make_with(&a->one, &host, WORDS(incoming)));
}

/* Both machines exist meanwhile, each with its object. */
static void migrate(struct arrival *a, struct noise *to)
{
	struct cvmm_migration g = { .size = sizeof(g) };

	begin_arrival(a, to);
	g.sock = a->socks[0];
	noise_new(&noise, 33);
	MAKE_WITH(&one, &noise, OWN_LOOPS);
	start(&one);
	OK(cvmm_machine_migrate(one.m, &g, on_answer, &one, &err));
	while (!one.answered || is_awaited(a))
		turn((struct one *const []){ &one, &a->one }, 2);
	vsu_fd_close(&a->socks[0]);
	vsu_fd_close(&a->socks[1]);
}

START_TEST(device_moves_to_the_object_of_its_name)
{
	struct arrival a;

	noise_new(&other, 1);
	migrate(&a, &other);
	ck_assert_uint_eq(other.seed, noise.seed);
	start(&a.one);
	free_both(&a.one, &other);
	ck_assert_int_eq(run_to_end(&one), VSU_EXIT_MIGRATED);
	free_both(&one, &noise);
}
END_TEST

START_TEST(guest_stays_if_the_destination_lacks_its_device)
{
	struct arrival a;

	memset(&other, 0, sizeof(other));
	migrate(&a, &other);
	ck_assert_int_ne(cvmm_machine_status(a.one.m, &err), VSU_EXIT_OK);
	ck_assert_ptr_nonnull(strstr(err.msg, "device 'own:noise'"));
	cvmm_machine_free(a.one.m);
	ck_assert_msg(strstr(one.why.msg, "device 'own:noise'") != NULL, "%s", one.why.msg);
	ck_assert_int_eq(state_of(&one), CVMM_STATE_RUNNING);
	free_both(&one, &noise);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("own_device");
	TCase *tc = tcase_create("own_device");
	const char *why = no_guest();

	tcase_add_checked_fixture(tc, owner_setup, owner_teardown);
	tcase_set_timeout(tc, 0);
	tcase_add_loop_test_unless(tc, why, guest_uses_the_device, 0, COUNT(buses));
	tcase_add_test_unless(tc, why, device_serves_one_machine_after_the_other);
	tcase_add_test_unless(tc, why, status_names_the_device);
	tcase_add_loop_test_unless(tc, why, refused_device_stays_with_its_owner, 0,
				   COUNT(refusals));
	tcase_add_test_unless(tc, why, device_of_a_machine_that_cannot_be_made_stays_with_its_owner);
	tcase_add_test_unless(tc, why, reports_of_the_device_are_logged_while_the_machine_exists);
	tcase_add_test_unless(tc, why, reports_stay_with_the_machine_that_serves_the_device);
	tcase_add_test_unless(tc, why, device_is_added_and_removed);
	tcase_add_test_unless(tc, why, device_of_the_host_is_added_by_its_name);
	tcase_add_test_unless(tc, why, addition_that_is_refused_leaves_the_device_to_its_owner);
	tcase_add_test_unless(tc, why, addition_without_a_bus_is_refused);
	tcase_add_loop_test_unless(tc, why, saved_devices_continue_by_their_names, 0, COUNT(ways));
	tcase_add_test_unless(tc, why, saved_machine_without_its_device_is_refused_by_name);
	tcase_add_test_unless(tc, why, device_moves_to_the_object_of_its_name);
	tcase_add_test_unless(tc, why, guest_stays_if_the_destination_lacks_its_device);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
