/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#ifndef RX_TEST_RULES_H
#define RX_TEST_RULES_H

/**
 * @file
 * Test code: a rule set for one frame.
 */

#include "rx_test_frame.h"

#include "vn_rx_rules.h"

static const uint8_t own[6] = {0x02, 0, 0, 0, 0, 2};
#define OWN "02:00:00:00:00:02"

/* Also checked: the frame in pieces has the same fate. */
static inline int
apply(const struct vn_rx_state *s, const struct frame *f, uint16_t from)
{
	struct vn_rx_rules *rules = vn_rx_rules_create(s);
	struct rte_mbuf *whole = frame_mbuf(f->b, f->len, UINT32_MAX);
	struct rte_mbuf *pieces = frame_mbuf(f->b, f->len, 5);
	int ret;

	assert_non_null(rules);
	ret = vn_rx_rules_apply(rules, whole, from);
	assert_int_equal(vn_rx_rules_apply(rules, pieces, from), ret);
	assert_memory_equal(rte_mbuf_to_priv(pieces), rte_mbuf_to_priv(whole), VN_MBUF_PRIV_SIZE);
	frame_free(whole);
	frame_free(pieces);
	vn_rx_rules_free(rules);
	return ret;
}

#endif /* RX_TEST_RULES_H */
