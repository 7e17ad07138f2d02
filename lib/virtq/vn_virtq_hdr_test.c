/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Which header a frame has on the ring, by what was negotiated (virtio 1.2, 5.1.6): its length at
 * both ends of the range that may be, wherever the driver cuts its buffers.
 */
#include "virtq_test_env.h"

static const struct {
	uint64_t features;
	uint8_t len;
} form[] = {
	{0, 10},
	{VN_F_ANY_LAYOUT, 10},
	{VN_F_ANY_LAYOUT | VN_F_IN_ORDER, 10},
	{VN_NET_F_MRG_RXBUF, 12},
	{VN_NET_F_MRG_RXBUF | VN_F_ANY_LAYOUT, 12},
	{VN_F_VERSION_1, 12},
	{VN_F_VERSION_1 | VN_F_IN_ORDER, 12},
	{VN_F_VERSION_1 | VN_NET_F_MRG_RXBUF, 12},
	{VN_F_VERSION_1 | VN_NET_F_HASH_REPORT, 20},
	{VN_F_VERSION_1 | VN_NET_F_HASH_REPORT | VN_F_IN_ORDER, 20},
	{VN_F_VERSION_1 | VN_NET_F_HASH_REPORT | VN_NET_F_MRG_RXBUF, 20},
};

/* A buffer in two descriptors, cut after @p cut bytes; not cut at 0. */
static void
add_cut(struct fix *f, uint64_t gpa, uint32_t len, uint32_t cut)
{
	const uint16_t dir = f->md.is_rx ? VN_DESC_F_WRITE : 0;

	if (cut == 0) {
		md_set_desc(&f->md, 1, gpa, len, dir, 0);
	} else {
		md_set_desc(&f->md, 0, gpa, cut, dir | VN_DESC_F_NEXT, 1);
		md_set_desc(&f->md, 1, gpa + cut, len - cut, dir, 0);
	}
	md_push_head(&f->md, cut == 0 ? 1 : 0);
}

static void
from_driver(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(form); i++) {
		uint8_t frame[FRAME], bytes[20 + FRAME];
		struct rte_mbuf *m;
		struct fix f;

		for (unsigned int b = 0; b < FRAME; b++)
			frame[b] = b + i;
		/* The header is a valid one whose bytes behind the flags are noise. */
		memset(bytes, 0xee, sizeof(bytes));
		bytes[0] = bytes[1] = 0;
		memcpy(bytes + form[i].len, frame, FRAME);

		fix_begin(&f, false, form[i].features);
		for (uint32_t cut = 0; cut < form[i].len + 2u; cut++) {
			md_write(&f.md, MD_DATA_GPA, bytes, form[i].len + FRAME);
			add_cut(&f, MD_DATA_GPA, form[i].len + FRAME, cut);
			assert_int_equal(vn_virtq_dequeue(f.vq, env_pool, &m, 1), 1);
			assert_int_equal(m->pkt_len, FRAME);
			assert_memory_equal(rte_pktmbuf_mtod(m, void *), frame, FRAME);
			assert_memory_equal(
				vn_mbuf_hdr(m), &(struct vn_net_hdr){0}, sizeof(struct vn_net_hdr));
			rte_pktmbuf_free(m);
			vn_virtq_complete(f.vq);
			vn_virtq_publish(f.vq);
		}
		assert_int_equal(errors(&f.stats), 0);

		/* A header with nothing behind it, and half of one. */
		add_cut(&f, MD_DATA_GPA, form[i].len, 0);
		add_cut(&f, MD_DATA_GPA, form[i].len - 1, 0);
		assert_int_equal(vn_virtq_dequeue(f.vq, env_pool, &m, 1), 0);
		vn_virtq_publish(f.vq);
		assert_int_equal(vn_virtq_dequeue(f.vq, env_pool, &m, 1), 0);
		assert_int_equal(f.stats.bad_header, 2);
		assert_int_equal(errors(&f.stats), 2);
		assert_false(vn_virtq_broken(f.vq));
		fix_end(&f);
	}
}

/* What a driver sends in the hash fields stays away from the mbuf: they are the rules' to write. */
static void
hash_from_driver_is_ignored(void **state)
{
	uint8_t bytes[20 + FRAME] = {0};
	struct rte_mbuf *m;
	struct fix f;

	(void)state;
	fix_begin(&f, false, VN_F_VERSION_1 | VN_NET_F_HASH_REPORT);
	for (unsigned int i = 0; i < 2; i++) {
		/* The second time in the mbuf of the first. */
		memset(bytes + 12, 0xa0 + i, 8);
		md_write(&f.md, MD_DATA_GPA, bytes, sizeof(bytes));
		add_cut(&f, MD_DATA_GPA, sizeof(bytes), 0);
		assert_int_equal(vn_virtq_dequeue(f.vq, env_pool, &m, 1), 1);
		assert_int_not_equal(vn_mbuf_hdr_hash(m)->hash_value, 0xa0a0a0a0 + i * 0x01010101);
		rte_pktmbuf_free(m);
	}
	fix_end(&f);
}

static void
to_driver(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(form); i++) {
		const uint8_t hdr_len = form[i].len;
		uint8_t frame[FRAME], got[20 + FRAME + 1], expect[20] = {0};
		struct fix f;

		for (unsigned int b = 0; b < FRAME; b++)
			frame[b] = b + i;
		/* One buffer was used (5.1.6.4); the hash as the rules left it. */
		expect[10] = 1;
		memcpy(expect + 12, "\xd\xc\xb\xa\5\0\0\0", 8);

		fix_begin(&f, true, form[i].features);
		for (uint32_t cut = 0; cut < hdr_len + 2u; cut++) {
			struct rte_mbuf *m = env_mbuf(&(struct vn_net_hdr){0}, frame, FRAME);

			vn_mbuf_hdr_hash(m)->hash_value = rte_cpu_to_le_32(0x0a0b0c0d);
			vn_mbuf_hdr_hash(m)->hash_report = rte_cpu_to_le_16(5);
			vn_mbuf_hdr_hash(m)->padding_reserved = 0xffff;
			memset(got, 0xcc, sizeof(got));
			md_write(&f.md, MD_DATA_GPA, got, sizeof(got));
			/* Exactly as long as it needs to be. */
			add_cut(&f, MD_DATA_GPA, hdr_len + FRAME, cut);
			assert_int_equal(vn_virtq_enqueue(f.vq, &m, 1), 1);
			rte_pktmbuf_free(m);
			vn_virtq_publish(f.vq);
			assert_int_equal(f.md.used->ring[cut % SIZE].len, hdr_len + FRAME);
			md_read(&f.md, MD_DATA_GPA, got, sizeof(got));
			assert_memory_equal(got, expect, hdr_len);
			assert_memory_equal(got + hdr_len, frame, FRAME);
			assert_int_equal(got[hdr_len + FRAME], 0xcc);
		}
		assert_int_equal(errors(&f.stats), 0);
		assert_int_equal(f.stats.total_bytes, (hdr_len + 2) * FRAME);
		fix_end(&f);
	}
}

/* A frame without a header asks for nothing, whatever lies where it would be. */
static void
without_header(void **state)
{
	uint8_t expect[20] = {[10] = 1}, got[20], frame[FRAME] = {0};

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(form); i++) {
		struct rte_mbuf *m;
		struct fix f;

		/* In one descriptor, and cut in two. */
		fix_begin(&f, true, form[i].features);
		for (uint32_t cut = 0; cut < form[i].len; cut += form[i].len - 1) {
			m = env_mbuf(&(struct vn_net_hdr){0}, frame, FRAME);
			memset(rte_mbuf_to_priv(m), 0xa5, VN_MBUF_PRIV_SIZE);
			m->ol_flags = 0;
			assert_true(vn_mbuf_hdr_is_plain(m));
			add_cut(&f, MD_DATA_GPA, form[i].len + FRAME, cut);
			assert_int_equal(vn_virtq_enqueue(f.vq, &m, 1), 1);
			vn_virtq_publish(f.vq);
			md_read(&f.md, MD_DATA_GPA, got, form[i].len);
			assert_memory_equal(got, expect, form[i].len);
			rte_pktmbuf_free(m);
		}
		assert_int_equal(f.stats.packets, 2);
		fix_end(&f);

		/* A header that is asked for is made; one that is there stays. */
		m = some_frame(FRAME);
		memset(rte_mbuf_to_priv(m), 0xa5, VN_MBUF_PRIV_SIZE);
		assert_int_equal(vn_mbuf_hdr(m)->flags, 0xa5);
		m->ol_flags = 0;
		assert_memory_equal(
			vn_mbuf_hdr_hash(m), &(struct vn_net_hdr_hash){0}, VN_NET_HDR_LEN_HASH);
		vn_mbuf_hdr(m)->flags = VN_NET_HDR_F_DATA_VALID;
		assert_int_equal(vn_mbuf_hdr_hash(m)->hdr.flags, VN_NET_HDR_F_DATA_VALID);
		assert_false(vn_mbuf_hdr_is_plain(m));
		rte_pktmbuf_free(m);
	}
}

/* With mergeable buffers each must hold a header; the frame goes over several. */
static void
hash_with_small_buffers(void **state)
{
	struct rte_mbuf *m;
	struct fix f;

	(void)state;
	fix_begin(&f, true, VN_F_VERSION_1 | VN_NET_F_HASH_REPORT | VN_NET_F_MRG_RXBUF);
	m = some_frame(FRAME);
	md_set_desc(&f.md, 0, MD_DATA_GPA, 19, VN_DESC_F_WRITE, 0);
	md_set_desc(&f.md, 1, MD_DATA_GPA + 4096, 20, VN_DESC_F_WRITE, 0);
	md_set_desc(&f.md, 2, MD_DATA_GPA + 8192, FRAME, VN_DESC_F_WRITE, 0);
	for (unsigned int i = 0; i < 3; i++)
		md_push_head(&f.md, i);
	assert_int_equal(vn_virtq_enqueue(f.vq, &m, 1), 1);
	vn_virtq_publish(f.vq);
	assert_int_equal(f.stats.bad_desc_errors, 1);
	assert_int_equal(f.md.used->idx, 3);
	assert_int_equal(f.md.used->ring[0].len, 0);
	assert_int_equal(f.md.used->ring[1].len, 20);
	assert_int_equal(f.md.used->ring[2].len, FRAME);
	assert_int_equal(((struct vn_net_hdr *)md_ptr(&f.md, MD_DATA_GPA + 4096))->num_buffers, 2);
	rte_pktmbuf_free(m);
	fix_end(&f);
}

int
main(void)
{
#define T(name) cmocka_unit_test_teardown(name, env_check_pool)
	static const struct CMUnitTest tests[] = {
		T(from_driver),
		T(hash_from_driver_is_ignored),
		T(to_driver),
		T(without_header),
		T(hash_with_small_buffers),
	};

	return cmocka_run_group_tests(tests, env_setup, env_teardown);
}
