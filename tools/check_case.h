/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Cases of "vhost-user-tool check": each is a rule of the specification, tried on a new
 * connection to the back-end. A case is a function of at most 20 lines that calls the
 * functions below until one of them returns false: that one has set the verdict.
 *
 *	static void features_repeat(struct check *c)
 *	{
 *		uint64_t first, second;
 *
 *		if (check_get(c, VHOST_USER_GET_FEATURES, &first) &&
 *		    check_get(c, VHOST_USER_GET_FEATURES, &second))
 *			check_that(c, first == second, "two replies differ");
 *	}
 *
 * Every message of the back-end is also judged by its form (exchange.h): a problem fails
 * the case. All messages are in the log of the case.
 *
 * Threads: confined to one.
 */
#ifndef TOOLS_CHECK_CASE_H
#define TOOLS_CHECK_CASE_H

#include <vmm-sys-util/sock.h>

#include "check_server.h"
#include "tool.h"
#include "trace_line.h"

enum check_verdict {
	CHECK_PASS,
	CHECK_FAIL,
	CHECK_SKIP,
};

#define CHECK_RINGS		3u
#define CHECK_RING_SIZE		64u

struct check_ring {
	int kick, call, err;		/* or -1 */
	uint16_t made, seen;		/* positions of the driver: buffers offered, and used */
	uint16_t slots[CHECK_RING_SIZE];		/* of a packed ring, by head */
};

#define CHECK_RING_NONE { .kick = -1, .call = -1, .err = -1 }

struct check_case;

struct check {
	const struct check_case *row;
	struct check_server *server;
	const char *device;		/* of --device, or NULL */
	uint64_t timeout_ms;		/* for each reply */
	int sock;			/* -1: closed by the case or the back-end */
	uint64_t start_ns;
	uint64_t features, protocol;	/* offered, after check_negotiate() */
	uint64_t extra;			/* features that check_start() acknowledges, too */
	uint64_t log_addr;		/* of the used ring, or 0: it is not logged */
	int memory;			/* memfd, after check_guest(), or -1 */
	unsigned char *guest;		/* CHECK_MEMORY_SIZE bytes of it, mapped */
	unsigned char *before;		/* a copy of it at the last check_kick(), or NULL */
	unsigned char *permitted;	/* 1: the device may write this byte */
	unsigned int ring;		/* that the functions below use */
	struct check_ring rings[CHECK_RINGS];
	struct exchange exchange;
	FILE *log;
	enum check_verdict verdict;
	char why[256];			/* unless the verdict is CHECK_PASS */
};

struct check_case {
	const char *name;		/* "group.name" */
	const char *rule;		/* one sentence */
	const char *section;		/* of the specification */
	uint64_t needs;			/* protocol features, else the case is skipped */
	void (*run)(struct check *c);
	const void *with;		/* for run, as row->with; of a type known to it */
};

struct check_suite;

/* Cases of a command, and what they need. */
struct check_suite {
	const struct tool_args *args;
	struct check_server server;
	struct check *c;	/* the state of a case, set again for each */
	/* Calls each for the chosen cases, until it returns false. */
	bool (*for_cases)(struct check_suite *r,
			  bool (*each)(struct check_suite *r, const struct check_case *k));
	void (*try_case)(struct check_suite *r, const struct check_case *k);
	/* Whether anything can be tried; a negative errno. */
	int (*probe)(struct check_suite *r, struct vsu_error *err);
	unsigned int count, failed;
	bool stopped;		/* by try_case: the verdict would be that of all cases */
	FILE *junit;		/* NULL: none */
};

/* Lists the cases, or tries them and prints the results. */
enum vsu_exit check_suite_run(struct check_suite *r, struct vsu_error *err);

/* Whether the user has chosen this case. */
bool check_is_chosen(const struct check_suite *r, const struct check_case *k);

/* The tables, each ended by a row without a name. */
extern const struct check_case check_device[];
extern const struct check_case check_chains[];
extern const struct check_case check_handshake[];
extern const struct check_case check_memory[];
extern const struct check_case check_rings[];
/* For any device that --device names. */
extern const struct check_case check_traffic[];
/* For one device. */
extern const struct check_case check_blk[];
extern const struct check_case check_console[];
extern const struct check_case check_fs[];
extern const struct check_case check_net[];
extern const struct check_case check_rng[];
extern const struct check_case check_vsock[];

/* ---------------------------------------------------------- check_report.c */

/* Prints the result of case number n, with the log of a failure. */
void check_report_tap(unsigned int n, const struct check_case *k,
		      const struct check *c, const char *log);

/* Writes results as XML in the form of JUnit, between a beginning and an end. */
void check_report_junit_begin(FILE *to);
void check_report_junit(FILE *to, const struct check_case *k,
			const struct check *c, const char *log);
void check_report_junit_end(FILE *to);

/* ------------------------------------------------------------ check_peer.c */

/* A new connection; closes the former one. */
bool check_connect(struct check *c);
void check_disconnect(struct check *c);

/* Sets the verdict and returns false. The first verdict is kept. */
bool check_fail(struct check *c, const char *fmt, ...) VSU_PRINTF(2, 3);
bool check_skip(struct check *c, const char *fmt, ...) VSU_PRINTF(2, 3);
/* Fails unless holds. */
bool check_that(struct check *c, bool holds, const char *fmt, ...) VSU_PRINTF(3, 4);

/* Sends a message with any header; payload has size bytes. */
bool check_send(struct check *c, uint32_t number, uint32_t flags,
		const void *payload, uint32_t size, const int *fds,
		unsigned int nfds);
/* Sends a request without a payload in single bytes. */
bool check_send_slowly(struct check *c, uint32_t number);
/* Sends bytes that may be no message. False without a verdict: the back-end has closed. */
bool check_send_bytes(struct check *c, const void *bytes, size_t n,
		      const int *fds, unsigned int nfds);

struct check_reply {
	struct vhost_user_header hdr;
	unsigned int nfds;
	int fds[VSU_SOCK_MAX_FDS];	/* all closed, when the caller has the reply */
	unsigned char payload[RELAY_MAX_PAYLOAD];
};

enum check_received {
	CHECK_RECEIVED,
	CHECK_RECEIVED_END,	/* the peer has closed */
	CHECK_RECEIVED_NOTHING,	/* in time */
	CHECK_RECEIVED_INVALID,	/* a header with a size that no message has */
};

/* Receives any message, without a log. The caller closes its descriptors in any case. */
enum check_received check_receive(struct check *c, struct check_reply *r);

/* Receives the reply to this request. */
bool check_reply(struct check *c, uint32_t number, struct check_reply *reply);

/* A request without a payload, and the u64 of its reply. */
bool check_get(struct check *c, uint32_t number, uint64_t *word);
/* A request with a u64, without a reply. */
bool check_set(struct check *c, uint32_t number, uint64_t word);
/* A request with NEED_REPLY; fails unless it is acknowledged with 0. */
bool check_acked(struct check *c, uint32_t number, const void *payload,
		 uint32_t size, const int *fds, unsigned int nfds);
/* A request that must be refused: by a result, or by closing the connection. */
bool check_refused(struct check *c, uint32_t number, const void *payload,
		   uint32_t size, const int *fds, unsigned int nfds);

/*
 * Reads the features and acknowledges the protocol features in wanted that are offered.
 * Skips the case if one of wanted is not.
 */
bool check_negotiate(struct check *c, uint64_t wanted);

/*
 * Sends a request, and waits for a message: the back-end has processed what was sent
 * before, unless it has closed the connection.
 */
void check_await(struct check *c, uint32_t number, const void *payload, uint32_t size);

/* Fails unless the connection still has replies. */
bool check_alive(struct check *c);
/* check_acked() for a message without descriptors. */
bool check_acked_plain(struct check *c, uint32_t number, const void *payload,
		       uint32_t size);

/*
 * For a connection that the back-end may close: closes it, and fails unless the back-end
 * serves the next one.
 */
bool check_survives(struct check *c);

/* Sends one request that no front-end should send, and then check_survives(). */
void check_survives_request(struct check *c, uint32_t number, const void *payload,
			    uint32_t size, const int *fds, unsigned int nfds);

/* ----------------------------------------------------------- check_guest.c */

/* Memory of the guest: one region. */
#define CHECK_MEMORY_SIZE	UINT64_C(0x100000)
#define CHECK_GUEST_ADDR	UINT64_C(0x100000)
#define CHECK_USER_ADDR		UINT64_C(0x7f0000000000)
/* Ring i begins at i * CHECK_RING_STRIDE; its areas: */
#define CHECK_RING_STRIDE	4096u
#define CHECK_AVAIL		1024u	/* packed: the driver's event suppression */
#define CHECK_USED		2048u	/* packed: the device's */
/* Places for requests. */
#define CHECK_TABLE		0x4000u	/* indirect */
#define CHECK_REQUEST		0x10000u
#define CHECK_REPLY		0x20000u

/* A region that is len bytes at offset of the memory. */
#define CHECK_REGION(offset, len) \
	{ CHECK_GUEST_ADDR + (offset), len, CHECK_USER_ADDR + (offset), offset }
struct vhost_user_mem_region check_region(uint64_t offset, uint64_t len);

/* Makes the memory, once in a case. */
bool check_guest(struct check *c);
void check_guest_free(struct check *c);

/* Shares the memory by SET_MEM_TABLE. */
bool check_share(struct check *c);

/* The addresses of the ring, with CHECK_RING_SIZE entries. */
struct vhost_user_vring_addr check_ring_addr(const struct check *c);

/*
 * SET_FEATURES and check_share(); the ring is started at a base, and enabled. So is ring 0,
 * at base 0.
 */
bool check_start(struct check *c, uint16_t base);
/* check_start() without SET_OWNER. */
bool check_begin(struct check *c, uint16_t base);
/* Starts ring 0, too, if another one is used: a device may wait for it. */
bool check_start_first(struct check *c);
/* Starts it again; check_run(): with the indices that are in its memory. */
bool check_restart(struct check *c, uint16_t base);
bool check_run(struct check *c, uint16_t base);
/* Stops it; fails unless the reply has this base. */
bool check_stop(struct check *c, uint16_t base);
/*
 * Behind a chain that no driver should offer: waits for a reaction, and stops the ring, so
 * that a thread of the back-end which has it has ended.
 */
void check_settle(struct check *c);

/* A request for a ring with a new eventfd, acknowledged. */
bool check_ring_event(struct check *c, uint32_t number, uint64_t index);

/*
 * A row's request that no front-end should send, and then check_survives(). Each of nfds
 * descriptors is the memory of the guest, which the back-end has mapped if shared.
 */
struct check_bad {
	uint32_t number, size;
	const void *payload;		/* len bytes; zeros follow up to size */
	uint32_t len;
	unsigned int nfds;
	bool shared;
};

void check_bad(struct check *c);

/* The end of a rule. */
#define CHECK_SURVIVED " does not end the back-end"
/* In a row: type is that of the payload, with these values. */
#define CHECK_BAD(number, nfds, shared, size, type, ...) \
	check_bad, &(const struct check_bad){ VHOST_USER_##number, size, \
		&(const type){ __VA_ARGS__ }, sizeof(type), nfds, shared }

/* ------------------------------------------------------------- check_ring.c */

#define CHECK_NEXT	1u
#define CHECK_WRITE	2u
#define CHECK_INDIRECT	4u

/* A descriptor. next is added to the index behind this one, in a split ring. */
struct check_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct check_used {
	uint32_t id, len;
};

void check_put16(struct check *c, unsigned int offset, uint16_t value);

/* Writes an indirect table. */
void check_table(struct check *c, unsigned int at, const struct check_desc *d, unsigned int n);
/* The device may write n bytes there. */
void check_permit(struct check *c, uint64_t at, uint64_t n);
/* Permits the device's part of the rings; before the first check_permit(). */
bool check_remember(struct check *c);
/* Makes a chain available, at this index of the table or with this id. */
bool check_offer(struct check *c, uint16_t head, const struct check_desc *d, unsigned int n);
/* Kicks. From here on, the device may write only buffers and its part of the ring. */
void check_kick(struct check *c);
/* Fails if it wrote more. */
bool check_untouched(struct check *c);

/* Waits for a call, an error of the ring, or the end of the connection; false: none in time. */
bool check_wait(struct check *c, uint64_t ms);
/* The next used buffer; false: none now. */
bool check_take(struct check *c, struct check_used *used);
/* Waits for it, then check_untouched(). */
bool check_used(struct check *c, struct check_used *used);

/* How the buffers of a request are described. */
struct check_shape {
	enum { CHECK_DIRECT, CHECK_IN_TABLE } layout;
	uint32_t cut;		/* maximum bytes of a buffer; 0: no limit */
	unsigned int direct;	/* buffers before an indirect table */
	unsigned int shift;	/* bytes by which the table is not aligned */
	uint16_t flags;		/* of the descriptor of the table */
};

/* Each request has a slot: CHECK_SLOT bytes at CHECK_REQUEST and CHECK_REPLY. */
#define CHECK_SLOT	0x400u

/* The head, or the id, of the chain of a slot. */
uint16_t check_head(const struct check_shape *s, unsigned int slot);
/* Offers a request of len bytes with a reply of at most reply bytes. */
bool check_request(struct check *c, const struct check_shape *s, unsigned int slot,
		   const void *request, uint32_t len, uint32_t reply);

#endif
