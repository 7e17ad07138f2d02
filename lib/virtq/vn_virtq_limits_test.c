/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames, headers and memory at the limits of what is allowed.
 */
#include "virtq_test_env.h"

#include "guestmem_test_map.h"
#include "vn_features.h"

static void
receive_buffer_without_room_for_the_header(void **state)
{
	static const uint32_t len[] = {0, 1, 11};
	struct fix f;

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(len); i++) {
		for (unsigned int mrg = 0; mrg < 2; mrg++) {
			fix_begin(&f, true, VN_F_VERSION_1 | (mrg ? VN_NET_F_MRG_RXBUF : 0));
			md_set_desc(&f.md, 0, MD_DATA_GPA, len[i], VN_DESC_F_WRITE, 0);
			md_push_head(&f.md, 0);
			good_one_behind(&f, &f.stats.bad_desc_errors);
		}
	}
}

static void
frame_longer_than_its_buffer(void **state)
{
	struct rte_mbuf *pkts[2];
	struct fix f;

	(void)state;
	fix_begin(&f, true, VN_F_VERSION_1);
	md_set_desc(&f.md, 0, MD_DATA_GPA, FRAME + 11, VN_DESC_F_WRITE, 0);
	md_push_head(&f.md, 0);
	/* The frame is gone, the buffer waits for a shorter one. */
	pkts[0] = some_frame(FRAME);
	pkts[1] = some_frame(FRAME - 1);
	assert_int_equal(vn_virtq_enqueue(f.vq, pkts, 2), 2);
	rte_pktmbuf_free_bulk(pkts, 2);
	vn_virtq_publish(f.vq);
	assert_int_equal(f.stats.oversized, 1);
	assert_int_equal(f.stats.packets, 1);
	assert_int_equal(f.stats.received_desc, 1);
	assert_int_equal(md_used_idx(&f.md), 1);
	assert_int_equal(md_used(&f.md, 0).len, FRAME + 11);
	fix_end(&f);

	/* A mergeable ring that is all empty and still too small. */
	fix_begin(&f, true, VN_F_VERSION_1 | VN_NET_F_MRG_RXBUF);
	for (uint16_t i = 0; i < SIZE; i++) {
		md_set_desc(&f.md, i, MD_DATA_GPA + i * 4096, 20, VN_DESC_F_WRITE, 0);
		md_push_head(&f.md, i);
	}
	pkts[0] = some_frame(SIZE * 20 - 11);
	pkts[1] = some_frame(SIZE * 20 - 12);
	assert_int_equal(vn_virtq_enqueue(f.vq, pkts, 2), 2);
	rte_pktmbuf_free_bulk(pkts, 2);
	assert_int_equal(f.stats.oversized, 1);
	assert_int_equal(f.stats.packets, 1);
	vn_virtq_publish(f.vq);
	assert_int_equal(md_used_idx(&f.md), SIZE);
	fix_end(&f);

	/* The same in chains of several descriptors: there are no more in the ring. */
	for (unsigned int indirect = 0; indirect < 2; indirect++) {
		fix_begin(&f, true,
			VN_F_VERSION_1 | VN_NET_F_MRG_RXBUF | (indirect ? VN_F_INDIRECT_DESC : 0));
		for (uint16_t i = 0; i < SIZE; i++)
			md_set_desc(&f.md, i, MD_DATA_GPA + i * 4096, 20,
				VN_DESC_F_WRITE | (i % 2 == 0 ? VN_DESC_F_NEXT : 0), i + 1);
		for (uint16_t i = 0; i < SIZE; i += 2)
			md_push_head(&f.md, i);
		pkts[0] = some_frame(SIZE * 20 - 11);
		pkts[1] = some_frame(SIZE * 20 - 12);
		assert_int_equal(vn_virtq_enqueue(f.vq, pkts, 2), 2);
		rte_pktmbuf_free_bulk(pkts, 2);
		assert_int_equal(f.stats.oversized, 1);
		assert_int_equal(f.stats.packets, 1);
		fix_end(&f);
	}

	fix_begin(&f, true, VN_F_VERSION_1);
	pkts[0] = some_frame(VN_MAX_FRAME);
	pkts[0]->pkt_len++;
	assert_int_equal(vn_virtq_enqueue(f.vq, pkts, 1), 1);
	rte_pktmbuf_free(pkts[0]);
	assert_int_equal(f.stats.oversized, 1);
	fix_end(&f);
}

/* Not enough buffers now is no error of anybody: the frame waits, nothing is written. */
static void
frame_waits_for_buffers(void **state)
{
	struct fix f;

	(void)state;
	fix_begin(&f, true, VN_F_VERSION_1 | VN_NET_F_MRG_RXBUF);
	assert_int_equal(step(&f), 0);
	assert_int_equal(f.stats.no_buffer, 1);
	md_set_desc(&f.md, 0, MD_DATA_GPA, FRAME + 11, VN_DESC_F_WRITE, 0);
	memset(md_ptr(&f.md, MD_DATA_GPA), 0x55, FRAME + 11);
	md_push_head(&f.md, 0);
	assert_int_equal(step(&f), 0);
	assert_int_equal(f.stats.no_buffer, 2);
	assert_int_equal(vn_virtq_position(f.vq), 0);
	for (unsigned int i = 0; i < FRAME + 11; i++)
		assert_int_equal(((uint8_t *)md_ptr(&f.md, MD_DATA_GPA))[i], 0x55);
	md_set_desc(&f.md, 1, MD_DATA_GPA + 4096, 12, VN_DESC_F_WRITE, 0);
	md_push_head(&f.md, 1);
	assert_int_equal(step(&f), 1);
	vn_virtq_publish(f.vq);
	assert_int_equal(md_used_idx(&f.md), 2);
	assert_int_equal(md_used(&f.md, 1).len, 1);
	fix_end(&f);
}

static void
bad_transmit_lengths(void **state)
{
	static const struct {
		uint32_t len;
		size_t counter;
	} bad[] = {
		{0, offsetof(struct vn_virtq_stats, bad_header)},
		{11, offsetof(struct vn_virtq_stats, bad_header)},
		{12, offsetof(struct vn_virtq_stats, bad_header)},
		{12 + 13, offsetof(struct vn_virtq_stats, bad_header)},
		{12 + VN_MAX_FRAME + 1, offsetof(struct vn_virtq_stats, oversized)},
		{1 << 20, offsetof(struct vn_virtq_stats, oversized)},
	};
	struct fix f;

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
		fix_begin(&f, false, VN_F_VERSION_1);
		md_set_desc(&f.md, 0, MD_DATA_GPA, bad[i].len, 0, 0);
		md_push_head(&f.md, 0);
		good_one_behind(&f, (const uint64_t *)((const uint8_t *)&f.stats + bad[i].counter));
	}
}

/* As a port or a buggy driver may write it. @return did it pass; *h is what arrived. */
static bool
pass_header(bool rx, uint64_t features, struct vn_net_hdr *h, uint32_t len)
{
	struct rte_mbuf *m[1];
	struct fix f;
	bool ok;

	fix_begin(&f, rx, VN_F_VERSION_1 | features);
	md_set_desc(&f.md, 0, MD_DATA_GPA, 12 + len, rx ? VN_DESC_F_WRITE : 0, 0);
	md_push_head(&f.md, 0);
	if (rx) {
		m[0] = some_frame(len);
		*vn_mbuf_hdr(m[0]) = *h;
		assert_int_equal(vn_virtq_enqueue(f.vq, m, 1), 1);
		rte_pktmbuf_free(m[0]);
		ok = f.stats.packets == 1;
		md_read(&f.md, MD_DATA_GPA, h, 12);
		if (ok)
			assert_int_equal(h->num_buffers, 1);
	} else {
		md_write(&f.md, MD_DATA_GPA, h, 12);
		ok = vn_virtq_dequeue(f.vq, env_pool, m, 1) == 1;
		if (ok) {
			*h = *vn_mbuf_hdr(m[0]);
			assert_int_equal(h->num_buffers, 0);
			rte_pktmbuf_free(m[0]);
		}
	}
	h->num_buffers = 0;
	assert_int_equal(f.stats.bad_header, !ok);
	assert_int_equal(errors(&f.stats), !ok);
	assert_false(vn_virtq_broken(f.vq));
	fix_end(&f);
	return ok;
}

static void
headers(void **state)
{
	const uint64_t csum[2] = {VN_NET_F_CSUM, VN_NET_F_GUEST_CSUM};
	const uint64_t tso4[2] = {VN_NET_F_HOST_TSO4, VN_NET_F_GUEST_TSO4};
	const uint64_t tso6[2] = {VN_NET_F_HOST_TSO6, VN_NET_F_GUEST_TSO6};
	const uint64_t ecn[2] = {VN_NET_F_HOST_ECN, VN_NET_F_GUEST_ECN};
	const uint64_t ufo[2] = {VN_NET_F_HOST_UFO, VN_NET_F_GUEST_UFO};
	const uint64_t uso[2] = {VN_NET_F_HOST_USO, VN_NET_F_GUEST_USO4 | VN_NET_F_GUEST_USO6};

	(void)state;
	for (unsigned int d = 0; d < 2; d++) {
		const uint64_t all = csum[d] | tso4[d] | tso6[d] | ecn[d] | ufo[d] | uso[d];
		const struct vn_net_hdr good_csum = {
			.flags = 1, .csum_start = 34, .csum_offset = 16};
		const struct vn_net_hdr good_tso = {.flags = 1,
			.gso_type = VN_NET_HDR_GSO_TCPV4,
			.hdr_len = 54,
			.gso_size = 10,
			.csum_start = 34,
			.csum_offset = 16};
		const struct vn_net_hdr good_uso = {.flags = 1,
			.gso_type = VN_NET_HDR_GSO_UDP_L4,
			.hdr_len = 42,
			.gso_size = 10,
			.csum_start = 34,
			.csum_offset = 6};
		struct vn_net_hdr h;

#define PASS(base, field, value, features) \
	(h = (base), h.field = (value), pass_header(d, features, &h, FRAME))

		assert_true(PASS(good_csum, num_buffers, 7, csum[d]));
		assert_memory_equal(&h, &good_csum, 12);
		assert_false(PASS(good_csum, num_buffers, 0, all & ~csum[d]));
		assert_true(PASS(good_csum, csum_start, FRAME - 18, csum[d]));
		assert_false(PASS(good_csum, csum_start, FRAME - 17, csum[d]));
		assert_false(PASS(good_csum, csum_start, 65535, csum[d]));
		assert_false(PASS(good_csum, csum_start, 13, csum[d]));
		assert_false(PASS(good_csum, csum_offset, 65535, csum[d]));
		assert_true(PASS(good_csum, csum_offset, FRAME - 36, csum[d]));
		assert_false(PASS(good_csum, csum_offset, FRAME - 35, csum[d]));

		/* Repaired. */
		assert_true(PASS(good_csum, flags, 0xff, csum[d]));
		assert_int_equal(h.flags, 1);
		assert_true(PASS(good_csum, hdr_len, FRAME, csum[d]));
		assert_int_equal(h.hdr_len, FRAME);
		assert_true(PASS(good_csum, hdr_len, FRAME + 1, csum[d]));
		assert_int_equal(h.hdr_len, 0);
		assert_true(PASS(good_csum, gso_size, 9, csum[d]));
		assert_int_equal(h.gso_size, 0);
		assert_true(PASS(good_csum, flags, 2, csum[d]));
		assert_int_equal(h.flags, d == 1 ? 2 : 0);
		assert_int_equal(h.csum_start, 0);
		assert_int_equal(h.csum_offset, 0);
		assert_true(PASS(good_csum, flags, 2, 0));
		assert_int_equal(h.flags, 0);
		assert_true(PASS(good_csum, flags, 0, 0));
		assert_int_equal(h.csum_start, 0);

		/* Segmentation. */
		assert_true(PASS(good_tso, gso_size, 10, csum[d] | tso4[d]));
		assert_memory_equal(&h, &good_tso, 12);
		assert_false(PASS(good_tso, gso_size, 10, all & ~tso4[d]));
		assert_false(PASS(good_tso, gso_size, 0, all));
		assert_false(PASS(good_tso, flags, 0, all));
		assert_false(PASS(good_tso, csum_offset, 6, all));
		assert_true(PASS(good_tso, csum_start, FRAME - 20, all));
		assert_false(PASS(good_tso, csum_start, FRAME - 19, all));
		assert_true(PASS(good_tso, gso_type, VN_NET_HDR_GSO_TCPV6, csum[d] | tso6[d]));
		assert_false(PASS(good_tso, gso_type, VN_NET_HDR_GSO_TCPV6, all & ~tso6[d]));
		assert_true(PASS(good_tso, gso_type, 0x81, csum[d] | tso4[d] | ecn[d]));
		assert_int_equal(h.gso_type, 0x81);
		assert_false(PASS(good_tso, gso_type, 0x81, all & ~ecn[d]));
		assert_false(PASS(good_tso, gso_type, 0x80, all));
		for (unsigned int type = 0; type < 256; type++) {
			bool known =
				type == 0 || type == 1 || type == 4 || type == 0x81 || type == 0x84;

			if (PASS(good_tso, gso_type, type, all) != known)
				fail_msg("gso_type %#x", type);
		}
		assert_true(PASS(good_uso, gso_size, 10, csum[d] | uso[d]));
		assert_true(PASS(good_uso, gso_type, VN_NET_HDR_GSO_UDP, csum[d] | ufo[d]));
		assert_false(PASS(good_uso, gso_size, 10, all & ~uso[d]));
		assert_false(PASS(good_uso, gso_type, VN_NET_HDR_GSO_UDP, all & ~ufo[d]));
		assert_false(PASS(good_uso, csum_offset, 16, all));
		assert_false(PASS(good_uso, gso_type, 0x85, all));
		assert_true(PASS(good_uso, csum_start, FRAME - 8, all));
		assert_false(PASS(good_uso, csum_start, FRAME - 7, all));
#undef PASS
	}
}

static void
read_only_memory(void **state)
{
	struct vn_virtq_stats stats = {0};
	struct vn_gm_region r[2];
	struct rte_mbuf *m;
	struct vn_guestmem *mem;
	struct vn_virtq_conf conf;
	struct model_driver md;
	struct vn_virtq *vq;

	(void)state;
	for (unsigned int rx = 0; rx < 2; rx++) {
		md_init(&md, 1, SIZE, 0, VN_F_VERSION_1 | env_ring, rx, 0);
		for (unsigned int i = 0; i < 2; i++) {
			const struct vn_gm_slot *s = vn_guestmem_at(md.mem, i);

			r[i] = (struct vn_gm_region){.gpa = s->gpa,
				.size = s->size,
				.file_offset = s->base - (uint8_t *)vn_gm_file_base(s->file),
				.file = s->file,
				.read_only = i == 1};
		}
		assert_int_equal(vn_guestmem_create(r, 2, &mem), 0);
		memset(&stats, 0, sizeof(stats));
		conf = md_conf(&md, &stats);
		conf.mem = mem;
		assert_int_equal(vn_virtq_create(&conf, &vq), 0);
		md_set_desc(&md, 0, MD_DATA_GPA, FRAME + 12, rx ? VN_DESC_F_WRITE : 0, 0);
		md_push_head(&md, 0);
		if (rx) {
			m = some_frame(FRAME);
			assert_int_equal(vn_virtq_enqueue(vq, &m, 1), 0);
			assert_int_equal(stats.invalid_buffer, 1);
			assert_string_equal(vn_virtq_broken_why(vq), "memory");
		} else {
			assert_int_equal(vn_virtq_dequeue(vq, env_pool, &m, 1), 1);
		}
		rte_pktmbuf_free(m);
		vn_virtq_free(vq);

		/* A ring in read-only memory cannot be. */
		vn_guestmem_unref(mem);
		r[0].read_only = true;
		assert_int_equal(vn_guestmem_create(r, 2, &mem), 0);
		conf.mem = mem;
		assert_int_equal(vn_virtq_create(&conf, &vq), -EFAULT);
		vn_guestmem_unref(mem);
		md_fini(&md);
	}
}

static void
create_refuses(void **state)
{
	struct vn_virtq_stats stats = {0};
	struct vn_virtq_conf conf;
	struct model_driver md;
	struct vn_virtq *vq;

	(void)state;
	md_init(&md, 1, SIZE, 0, VN_F_VERSION_1 | env_ring, false, 0);
#define TRY(field, value, err)                                      \
	do {                                                        \
		conf = md_conf(&md, &stats);                        \
		conf.field = (value);                               \
		assert_int_equal(vn_virtq_create(&conf, &vq), err); \
	} while (0)
	TRY(size, 0, -EINVAL);
	TRY(size, 32769, -EINVAL);
	TRY(size, 32768, -EFAULT);
	if (env_ring) {
		TRY(size, 32767, -EFAULT);
		TRY(start, SIZE, -EINVAL);
		TRY(start, 0x7fff, -EINVAL);
		TRY(start, VN_EVENT_WRAP | SIZE, -EINVAL);
		TRY(avail_gpa, md.avail_gpa + 2, -EINVAL);
	} else {
		TRY(size, 3, -EINVAL);
	}
	TRY(desc_gpa, md.desc_gpa + 8, -EINVAL);
	TRY(avail_gpa, md.avail_gpa + 1, -EINVAL);
	TRY(used_gpa, md.used_gpa + 2, -EINVAL);
	TRY(desc_gpa, 0, -EFAULT);
	TRY(avail_gpa, 0, -EFAULT);
	TRY(used_gpa, 0, -EFAULT);
	TRY(used_gpa, UINT64_MAX - 3, -EFAULT);
	TRY(desc_gpa, UINT64_MAX - 15, -EFAULT);
	TRY(mem, NULL, -EFAULT);
	TRY(stats, NULL, -EINVAL);
#undef TRY
	/* The last byte counts: avail with its event field, one byte from the end of the map. */
	conf = md_conf(&md, &stats);
	conf.avail_gpa =
		MD_DATA_GPA + md.data_size -
		(env_ring ? sizeof(struct vn_vring_packed_event) : vn_vring_avail_bytes(SIZE));
	assert_int_equal(vn_virtq_create(&conf, &vq), 0);
	vn_virtq_free(vq);
	conf.avail_gpa += env_ring ? 4 : 2;
	assert_int_equal(vn_virtq_create(&conf, &vq), -EFAULT);
	vn_virtq_free(NULL);
	assert_int_equal(vn_virtq_split_used_idx(md.mem, md.used_gpa), 0);
	assert_int_equal(vn_virtq_split_used_idx(md.mem, 0), -EFAULT);
	assert_int_equal(vn_virtq_split_used_idx(md.mem, UINT64_MAX - 1), -EFAULT);
	md_fini(&md);
}

/*
 * Pieces that end where memory ends, with nothing mapped behind: not a byte too far is touched,
 * whichever way, although the frame goes on elsewhere.
 */
static void
buffers_at_the_end_of_memory(void **state)
{
	const long page = sysconf(_SC_PAGESIZE);
	struct vn_virtq_stats stats;
	struct vn_guestmem *mem;
	struct vn_virtq_conf conf;
	struct model_driver md;
	struct rte_mbuf *m;
	struct vn_virtq *vq;
	struct vn_gm_slot slot[3];
	uint8_t *guarded;

	(void)state;
	guarded = mmap(NULL, 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(guarded, MAP_FAILED);
	assert_int_equal(mprotect(guarded, page, PROT_READ | PROT_WRITE), 0);
	for (unsigned int rx = 0; rx < 2; rx++) {
		const uint16_t dir = rx ? VN_DESC_F_WRITE : 0;

		md_init(&md, 1, SIZE, 0, VN_F_VERSION_1 | env_ring, rx, 0);
		slot[0] = *vn_guestmem_at(md.mem, 0);
		slot[1] = *vn_guestmem_at(md.mem, 1);
		slot[2] = (struct vn_gm_slot){
			.gpa = UINT64_C(1) << 40, .size = page, .base = guarded};
		mem = guestmem_test_map(slot, 3);
		assert_non_null(mem);
		memset(&stats, 0, sizeof(stats));
		conf = md_conf(&md, &stats);
		conf.mem = mem;
		assert_int_equal(vn_virtq_create(&conf, &vq), 0);
		/* Each ends the page: a part of the header, its rest with some data, more data. */
		md_set_desc(&md, 0, slot[2].gpa + page - 5, 5, dir | VN_DESC_F_NEXT, 1);
		md_set_desc(&md, 1, slot[2].gpa + page - 30, 30, dir | VN_DESC_F_NEXT, 2);
		md_set_desc(&md, 2, slot[2].gpa + page - 1, 1, dir | VN_DESC_F_NEXT, 3);
		md_set_desc(&md, 3, MD_DATA_GPA, FRAME + 12 - 36, dir, 0);
		md_push_head(&md, 0);
		memset(guarded, 0, page);
		m = rx ? some_frame(FRAME) : NULL;
		if (rx)
			assert_int_equal(vn_virtq_enqueue(vq, &m, 1), 1);
		else
			assert_int_equal(vn_virtq_dequeue(vq, env_pool, &m, 1), 1);
		assert_int_equal(m->pkt_len, FRAME);
		assert_int_equal(errors(&stats), 0);
		rte_pktmbuf_free(m);
		vn_virtq_free(vq);
		free(mem);
		md_fini(&md);
	}
	munmap(guarded, 2 * page);
}

/* The memory map goes: the ring is broken, and does not touch what was. */
static void
map_taken_away(void **state)
{
	struct vn_guestmem *empty;
	struct fix f;

	(void)state;
	fix_begin(&f, false, VN_F_VERSION_1);
	assert_int_equal(vn_guestmem_create(NULL, 0, &empty), 0);
	md_set_desc(&f.md, 0, MD_DATA_GPA, FRAME, 0, 0);
	md_push_head(&f.md, 0);
	assert_int_equal(vn_virtq_set_mem(f.vq, empty), -EFAULT);
	assert_string_equal(vn_virtq_broken_why(f.vq), "memory");
	assert_int_equal(step(&f), 0);
	vn_guestmem_unref(empty);
	fix_end(&f);
}

/* No mbufs: the chains stay in the ring, and are found when there are some. */
static void
no_mbufs(void **state)
{
	struct rte_mbuf *all[ENV_MBUFS], *pkts[4];
	struct fix f;

	(void)state;
	fix_begin(&f, false, VN_F_VERSION_1);
	assert_int_equal(rte_pktmbuf_alloc_bulk(env_pool, all, ENV_MBUFS), 0);
	for (uint16_t i = 0; i < 3; i++) {
		md_set_desc(&f.md, i, MD_DATA_GPA, i == 2 ? 5000 : FRAME, 0, 0);
		md_push_head(&f.md, i);
	}
	assert_int_equal(vn_virtq_dequeue(f.vq, env_pool, pkts, 4), 0);
	assert_int_equal(f.stats.no_buffer, 1);
	rte_pktmbuf_free(all[0]);
	assert_int_equal(vn_virtq_dequeue(f.vq, env_pool, pkts, 4), 1);
	rte_pktmbuf_free_bulk(&all[1], 2);
	/* One for the second frame; one is not enough for the third. */
	assert_int_equal(vn_virtq_dequeue(f.vq, env_pool, pkts + 1, 4), 1);
	assert_int_equal(vn_virtq_position(f.vq), 2);
	rte_pktmbuf_free_bulk(&all[3], ENV_MBUFS - 3);
	assert_int_equal(vn_virtq_dequeue(f.vq, env_pool, pkts + 2, 4), 1);
	assert_int_equal(pkts[2]->pkt_len, 5000 - 12);
	rte_pktmbuf_free_bulk(pkts, 3);
	vn_virtq_complete(f.vq);
	vn_virtq_publish(f.vq);
	assert_int_equal(md_used_idx(&f.md), 3);
	assert_int_equal(f.stats.received_desc, 3);
	fix_end(&f);
}

int
main(void)
{
#define T(f) cmocka_unit_test_teardown(f, env_check_pool)
	const struct CMUnitTest tests[] = {
		T(receive_buffer_without_room_for_the_header),
		T(frame_longer_than_its_buffer),
		T(frame_waits_for_buffers),
		T(bad_transmit_lengths),
		T(headers),
		T(read_only_memory),
		T(create_refuses),
		T(buffers_at_the_end_of_memory),
		T(map_taken_away),
		T(no_mbufs),
	};

	return env_run_both(tests, env_setup, env_teardown);
}
