/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A front-end with plain blocking calls, which measures the back-end alone. */
#ifndef BENCH_PLAIN_FRONTEND_H
#define BENCH_PLAIN_FRONTEND_H

/* vu.get_features and vu.set_features_ack, and their floor. */
void bench_plain_trips(void);

/* vu.set_mem_table_8_resent */
void bench_plain_table(void);

#endif
