/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Frames from the network into a driver's buffers without mbufs. With VN_MEASURE=1 also how long
 * that takes, and how long with mbufs, in turn.
 */
#include "model_driver.c"

#include "tap_test.h"
#include "tap_test_io.h"
#include "vn_mbuf.h"

#define RING 1024
/* Linux's buffers for mergeable frames. */
#define BUFFER 1536

/* A receive ring and its driver. */
struct ring {
	struct model_driver md;
	struct vn_virtq *vq;
	struct vn_virtq_stats stats;
};

static void
ring_make(struct tap_fixture *fx, struct ring *r, uint64_t features)
{
	struct vn_virtq_conf conf;

	/* What the queue knows of another ring. */
	fx->q[0]->few = false;
	memset(r, 0, sizeof(*r));
	md_init(&r->md, 1, RING, 0, VN_F_VERSION_1 | VN_F_INDIRECT_DESC | features, true, 0);
	r->md.plain = true;
	conf = md_conf(&r->md, &r->stats);
	assert_int_equal(vn_virtq_create(&conf, &r->vq), 0);
}

static void
ring_free(struct ring *r)
{
	vn_virtq_free(r->vq);
	md_fini(&r->md);
}

/* @return how many. */
static unsigned int
post(struct ring *r, uint32_t len, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n && md_add(&r->md, NULL, len); i++)
		;
	return i;
}

/* A frame that came to the driver, over one or more buffers. @return its length, or 0. */
static uint32_t
receive(struct ring *r, struct vn_net_hdr *hdr, uint8_t *frame)
{
	static uint8_t buf[VN_NET_HDR_LEN + VN_MAX_FRAME];
	unsigned int chains = 1;
	uint32_t total = 0;
	struct md_chain c;

	for (unsigned int i = 0; i < chains; i++) {
		const int64_t len = md_get(&r->md, &c);

		if (len < 0) {
			assert_int_equal(i, 0);
			return 0;
		}
		assert_true(len > 0 && total + (uint64_t)len <= sizeof(buf));
		md_chain_read(&r->md, &c, buf + total, (uint32_t)len);
		if (i == 0)
			chains = rte_le_to_cpu_16(((const struct vn_net_hdr *)buf)->num_buffers);
		if (i + 1 < chains)
			assert_int_equal(len, c.capacity);
		total += (uint32_t)len;
	}
	memcpy(hdr, buf, VN_NET_HDR_LEN);
	memcpy(frame, buf + VN_NET_HDR_LEN, total - VN_NET_HDR_LEN);
	return total - VN_NET_HDR_LEN;
}

static void
expect_frame(struct ring *r, unsigned int id, uint32_t len)
{
	uint8_t want[VN_MAX_FRAME], got[VN_MAX_FRAME];
	static const struct vn_net_hdr none;
	struct vn_net_hdr hdr;

	assert_int_equal(receive(r, &hdr, got), len);
	hdr.num_buffers = 0;
	assert_memory_equal(&hdr, &none, sizeof(none));
	fill_frame(id, want, len);
	assert_memory_equal(got, want, len);
}

static uint16_t
serve(struct tap_fixture *fx, struct ring *r, uint16_t n, bool *empty)
{
	const uint16_t got = vn_tap_ops.rx_fill(fx->q[0], r->vq, n, empty);

	vn_virtq_publish(r->vq);
	return got;
}

/* The other way, as a poller has it. */
static uint16_t
serve_mbufs(struct tap_fixture *fx, struct ring *r, uint16_t n)
{
	struct rte_mbuf *pkts[4];
	uint16_t done = 0, got, room;

	do {
		room = RTE_MIN(n - done, (int)RTE_DIM(pkts));
		got = vn_tap_ops.rx_burst(fx->q[0], pkts, room);
		assert_int_equal(vn_virtq_enqueue(r->vq, pkts, got), got);
		vn_mbuf_free_bulk(pkts, got);
		done += got;
	} while (got == room && done < n);
	vn_virtq_publish(r->vq);
	return done;
}

static void
open_queue(struct tap_fixture *fx, uint16_t mtu)
{
	fixture_open(fx, 1, mtu);
	/* Whatever is worth it. */
	fx->q[0]->fill_min = 0;
}

static const uint64_t kind[] = {
	0, VN_F_RING_PACKED, VN_NET_F_MRG_RXBUF, VN_NET_F_MRG_RXBUF | VN_F_RING_PACKED};

/* Frames of all lengths, one by one and in bursts. */
static void
all_lengths(void **state)
{
	static const uint32_t len[] = {
		14, 60, 1514, BUFFER - 12, BUFFER - 11, 2 * BUFFER - 12, 9014, 65000, 65535};
	struct tap_fixture *fx = *state;
	uint64_t bytes = 0, frames = 0;
	bool empty;

	open_queue(fx, 65521);
	for (unsigned int k = 0; k < RTE_DIM(kind); k++) {
		struct ring r;

		ring_make(fx, &r, kind[k]);
		for (unsigned int i = 0; i < 4 * RTE_DIM(len); i++) {
			const uint32_t l = len[i % RTE_DIM(len)];

			if (kind[k] & VN_NET_F_MRG_RXBUF)
				post(&r, BUFFER, 200);
			else
				post(&r, 66000, 1);
			send_on_netdev(fx, i, l);
			assert_int_equal(serve(fx, &r, 32, &empty), 1);
			assert_true(empty || !(kind[k] & VN_NET_F_MRG_RXBUF));
			expect_frame(&r, i, l);
			bytes += l;
			frames++;
		}
		for (unsigned int b = 0; b < 10; b++) {
			post(&r, kind[k] & VN_NET_F_MRG_RXBUF ? BUFFER : 66000,
				kind[k] & VN_NET_F_MRG_RXBUF ? 400 : 6);
			for (unsigned int i = 0; i < 5; i++) {
				const uint32_t l = len[(b + i) % RTE_DIM(len)];

				send_on_netdev(fx, b + i, l);
				bytes += l;
				frames++;
			}
			assert_int_equal(serve(fx, &r, 32, &empty), 5);
			assert_true(empty);
			for (unsigned int i = 0; i < 5; i++)
				expect_frame(&r, b + i, len[(b + i) % RTE_DIM(len)]);
		}
		assert_int_equal(r.stats.packets, 4 * RTE_DIM(len) + 50);
		assert_int_equal(r.stats.received_desc, r.stats.completed_desc);
		assert_int_equal(r.stats.bad_header + r.stats.oversized + r.stats.no_buffer, 0);
		ring_free(&r);
	}
	assert_int_equal(stats_of(fx, 0)->rx_packets, frames);
	assert_int_equal(stats_of(fx, 0)->rx_bytes, bytes);
	assert_int_equal(stats_of(fx, 0)->rx_errors, 0);
}

/* Buffers of any shape: what is none for the fast way goes the other one, and order is kept. */
static void
both_ways(void **state)
{
	struct tap_fixture *fx = *state;
	struct rng rng = {7};
	uint64_t filled = 0;
	bool empty;

	open_queue(fx, 9000);
	for (unsigned int k = 0; k < RTE_DIM(kind); k++) {
		struct ring r;

		ring_make(fx, &r, kind[k]);
		for (unsigned int i = 0; i < 100; i++) {
			const unsigned int n = 1 + rng_below(&rng, 8);
			uint32_t len[8];
			uint16_t got = 0;

			r.md.plain = rng_chance(&rng, 70);
			while (md_outstanding(&r.md) < 400 &&
				post(&r, kind[k] & VN_NET_F_MRG_RXBUF ? BUFFER : 9100, 1) > 0)
				;
			for (unsigned int f = 0; f < n; f++) {
				len[f] = 14 + rng_below(&rng, rng_chance(&rng, 50) ? 100 : 9001);
				send_on_netdev(fx, i + f, len[f]);
			}
			while (got < n) {
				const uint16_t more = serve(fx, &r, 2, &empty);

				filled += more;
				got += more;
				if (more == 0 && !empty)
					got += serve_mbufs(fx, &r, 1);
			}
			for (unsigned int f = 0; f < n; f++)
				expect_frame(&r, i + f, len[f]);
		}
		ring_free(&r);
	}
	assert_true(filled > 100 && filled < stats_of(fx, 0)->rx_packets);
}

/* Nothing has changed but, perhaps, the counters that the caller looks at. */
static void
expect_untouched(struct ring *r, uint16_t position)
{
	assert_int_equal(vn_virtq_position(r->vq), position);
	assert_false(vn_virtq_broken(r->vq));
	assert_int_equal(md_used_idx(&r->md), r->md.got);
	assert_int_equal(r->stats.received_desc, r->stats.completed_desc);
}

/* A look at an empty queue costs no buffers, and neither does a frame that does not come. */
static void
nothing_there(void **state)
{
	static const uint8_t pattern[BUFFER] = {1, 2, 3};
	struct tap_fixture *fx = *state;
	uint8_t got[BUFFER];
	uint16_t before;
	struct ring r;
	bool empty;

	open_queue(fx, 1500);
	for (unsigned int k = 0; k < RTE_DIM(kind); k++) {
		ring_make(fx, &r, kind[k]);
		before = vn_virtq_position(r.vq);
		assert_int_equal(serve(fx, &r, 32, &empty), 0);
		assert_false(empty);
		post(&r, BUFFER, 100);
		md_write(&r.md, MD_DATA_GPA, pattern, sizeof(pattern));
		for (unsigned int i = 0; i < 3; i++) {
			assert_int_equal(serve(fx, &r, 32, &empty), 0);
			assert_true(empty);
			expect_untouched(&r, before);
		}
		md_read(&r.md, MD_DATA_GPA, got, sizeof(got));
		assert_memory_equal(got, pattern, sizeof(got));
		send_on_netdev(fx, 1, 100);
		assert_int_equal(serve(fx, &r, 32, &empty), 1);
		expect_frame(&r, 1, 100);
		ring_free(&r);
	}
}

/* With fewer buffers than the longest frame needs, no frame is read. */
static void
too_few_buffers(void **state)
{
	struct tap_fixture *fx = *state;
	bool empty;

	open_queue(fx, 1500);
	for (unsigned int k = 2; k < RTE_DIM(kind); k++) {
		const unsigned int enough = (VN_MAX_FRAME + VN_NET_HDR_LEN + BUFFER - 1) / BUFFER;
		uint16_t before;
		struct ring r;

		ring_make(fx, &r, kind[k]);
		before = vn_virtq_position(r.vq);
		post(&r, BUFFER, enough - 1);
		send_on_netdev(fx, 1, 100);
		assert_int_equal(serve(fx, &r, 32, &empty), 0);
		assert_false(empty);
		expect_untouched(&r, before);
		assert_true(readable(fx, 0));
		/* And then the other way is for it. */
		assert_int_equal(serve_mbufs(fx, &r, 1), 1);
		expect_frame(&r, 1, 100);
		post(&r, BUFFER, 2);
		send_on_netdev(fx, 2, 100);
		send_on_netdev(fx, 3, 100);
		assert_int_equal(serve(fx, &r, 32, &empty), 1);
		assert_false(empty);
		expect_frame(&r, 2, 100);
		assert_int_equal(serve_mbufs(fx, &r, 1), 1);
		expect_frame(&r, 3, 100);
		assert_int_equal(r.stats.no_buffer, 0);
		ring_free(&r);
	}
}

/* A buffer of @p n (1 or 2) descriptors of the ring: header and frame may be apart. */
static void
post_by_hand(struct ring *r, unsigned int i, unsigned int n)
{
	const uint64_t at = MD_DATA_GPA + i * BUFFER;
	const uint16_t w = VN_DESC_F_WRITE;

	if (n == 1) {
		md_set_desc(&r->md, 2 * i, at, BUFFER, w, 0);
	} else {
		md_set_desc(&r->md, 2 * i, at, VN_NET_HDR_LEN, w | VN_DESC_F_NEXT, 2 * i + 1);
		md_set_desc(&r->md, 2 * i + 1, at + VN_NET_HDR_LEN, BUFFER - VN_NET_HDR_LEN, w, 0);
	}
	md_push_head(&r->md, 2 * i);
}

/*
 * Of a packed ring, chains that change their number of descriptors from one to the next are more
 * than the black box holds of a frame.
 */
static void
changing_chains(void **state)
{
	struct tap_fixture *fx = *state;
	bool empty;

	open_queue(fx, 1500);
	for (unsigned int k = 2; k < RTE_DIM(kind); k++) {
		for (unsigned int mixed = 0; mixed < 2; mixed++) {
			const bool refused = mixed && kind[k] & VN_F_RING_PACKED;
			uint16_t before;
			struct ring r;

			ring_make(fx, &r, kind[k]);
			before = vn_virtq_position(r.vq);
			for (unsigned int i = 0; i < 60; i++)
				post_by_hand(&r, i, mixed ? 1 + i % 2 : 2);
			send_on_netdev(fx, 1, 1000);
			assert_int_equal(serve(fx, &r, 1, &empty), !refused);
			assert_false(empty);
			assert_int_equal(vn_virtq_position(r.vq) == before, refused);
			if (refused)
				assert_int_equal(serve_mbufs(fx, &r, 1), 1);
			assert_int_equal(md_used(&r.md, 0).len, VN_NET_HDR_LEN + 1000);
			ring_free(&r);
		}
	}
}

/* What does not fit a driver's only buffer is dropped; the buffer is for the next frame. */
static void
too_long(void **state)
{
	struct tap_fixture *fx = *state;
	bool empty;

	open_queue(fx, 9000);
	for (unsigned int k = 0; k < 2; k++) {
		uint16_t before;
		struct ring r;

		ring_make(fx, &r, kind[k]);
		before = vn_virtq_position(r.vq);
		post(&r, 12 + 1514, 1);
		send_on_netdev(fx, 1, 9000);
		send_on_netdev(fx, 2, 1515);
		assert_int_equal(serve(fx, &r, 32, &empty), 2);
		assert_true(empty);
		assert_int_equal(r.stats.oversized, 2);
		expect_untouched(&r, before);
		send_on_netdev(fx, 3, 1514);
		assert_int_equal(serve(fx, &r, 32, &empty), 1);
		expect_frame(&r, 3, 1514);
		ring_free(&r);
	}
	assert_int_equal(stats_of(fx, 0)->rx_errors, 0);
}

/* A frame to be cut by the driver comes whole, with its header. */
static void
tso(void **state)
{
	const uint64_t features = VN_NET_F_GUEST_CSUM | VN_NET_F_GUEST_TSO4;
	uint8_t sent[GSO_FRAME], got[VN_MAX_FRAME];
	struct tap_fixture *fx = *state;
	struct vn_net_hdr hdr, seen;
	bool empty;

	open_queue(fx, 1500);
	assert_int_equal(vn_tap_ops.set_features(fx->port, features), 0);
	make_gso(VN_NET_HDR_GSO_TCPV4, sent, &hdr);
	for (unsigned int k = 0; k < RTE_DIM(kind); k++) {
		const bool mergeable = kind[k] & VN_NET_F_MRG_RXBUF;
		struct ring r;

		ring_make(fx, &r, kind[k] | features);
		post(&r, mergeable ? BUFFER : 66000, mergeable ? 50 : 1);
		send_raw(fx, &hdr, sent, sizeof(sent));
		assert_int_equal(serve(fx, &r, 1, &empty), 1);
		assert_int_equal(receive(&r, &seen, got), sizeof(sent));
		assert_memory_equal(got, sent, sizeof(sent));
		seen.num_buffers = 0;
		assert_memory_equal(&seen, &hdr, sizeof(hdr));
		ring_free(&r);
	}
}

/* Frames with a header that was not negotiated never reach the driver. */
static void
not_negotiated(void **state)
{
	const uint64_t features = VN_NET_F_GUEST_CSUM | VN_NET_F_GUEST_TSO4;
	struct tap_fixture *fx = *state;
	uint8_t sent[GSO_FRAME];
	struct vn_net_hdr hdr;
	bool empty;

	open_queue(fx, 1500);
	make_gso(VN_NET_HDR_GSO_TCPV4, sent, &hdr);
	for (unsigned int k = 0; k < RTE_DIM(kind); k++) {
		const bool mergeable = kind[k] & VN_NET_F_MRG_RXBUF;
		uint16_t before;
		struct ring r;

		ring_make(fx, &r, kind[k] | features);
		before = vn_virtq_position(r.vq);
		post(&r, mergeable ? BUFFER : 66000, mergeable ? 50 : 2);
		/* One that waits in the queue from before. */
		assert_int_equal(vn_tap_ops.set_features(fx->port, features), 0);
		send_raw(fx, &hdr, sent, sizeof(sent));
		assert_int_equal(vn_tap_ops.set_features(fx->port, VN_NET_F_GUEST_CSUM), 0);
		assert_int_equal(serve(fx, &r, 32, &empty), 0);
		assert_true(empty);
		assert_int_equal(stats_of(fx, 0)->rx_errors, k + 1);
		expect_untouched(&r, before);
		/* One that this ring's driver does not want any more. */
		assert_int_equal(vn_tap_ops.set_features(fx->port, features), 0);
		vn_virtq_set_offloads(r.vq, 0);
		send_raw(fx, &hdr, sent, sizeof(sent));
		assert_int_equal(serve(fx, &r, 32, &empty), 1);
		assert_int_equal(r.stats.bad_header, 1);
		expect_untouched(&r, before);
		/* What is good comes behind them. */
		send_on_netdev(fx, 3, 100);
		assert_int_equal(serve(fx, &r, 32, &empty), 1);
		expect_frame(&r, 3, 100);
		ring_free(&r);
	}
}

/* Rings that want more than the frame, and marks of what was written, go the other way. */
static void
not_for_here(void **state)
{
	struct tap_fixture *fx = *state;
	static uint8_t bits[MD_DATA_GPA / 4096 / 8 + 4096];
	const struct vn_dirty_log log = {bits, sizeof(bits)};
	bool empty;

	open_queue(fx, 1500);
	send_on_netdev(fx, 1, 100);
	for (unsigned int k = 0; k < RTE_DIM(kind); k++) {
		struct ring r;

		ring_make(fx, &r, kind[k] | VN_NET_F_HASH_REPORT);
		post(&r, 2048, 100);
		assert_int_equal(serve(fx, &r, 32, &empty), 0);
		assert_false(empty);
		ring_free(&r);
		ring_make(fx, &r, kind[k]);
		post(&r, 2048, 100);
		vn_virtq_set_log(r.vq, true, &log, 0);
		assert_int_equal(serve(fx, &r, 32, &empty), 0);
		assert_false(empty);
		vn_virtq_set_log(r.vq, false, NULL, 0);
		vn_virtq_break(r.vq, "test");
		assert_int_equal(serve(fx, &r, 32, &empty), 0);
		assert_false(empty);
		ring_free(&r);
	}
	assert_int_equal(stats_of(fx, 0)->rx_errors, 0);
}

/* What was short the last time may be so again: then it is as fast by mbufs. */
static void
short_frames(void **state)
{
	struct tap_fixture *fx = *state;
	struct ring r;
	bool empty;

	fixture_open(fx, 1, 1500);
	ring_make(fx, &r, kind[2]);
	post(&r, BUFFER, 100);
	send_on_netdev(fx, 1, TAP_FILL_MIN - 1);
	assert_int_equal(serve(fx, &r, 32, &empty), 0);
	assert_false(empty);
	assert_int_equal(serve_mbufs(fx, &r, 1), 1);
	assert_int_equal(serve(fx, &r, 32, &empty), 0);
	assert_false(empty);
	send_on_netdev(fx, 2, TAP_FILL_MIN);
	assert_int_equal(serve_mbufs(fx, &r, 1), 1);
	send_on_netdev(fx, 3, 100);
	send_on_netdev(fx, 4, 100);
	assert_int_equal(serve(fx, &r, 32, &empty), 2);
	assert_true(empty);
	send_on_netdev(fx, 5, 1514);
	assert_int_equal(serve(fx, &r, 32, &empty), 0);
	assert_int_equal(serve_mbufs(fx, &r, 1), 1);
	expect_frame(&r, 1, TAP_FILL_MIN - 1);
	expect_frame(&r, 2, TAP_FILL_MIN);
	expect_frame(&r, 3, 100);
	expect_frame(&r, 4, 100);
	expect_frame(&r, 5, 1514);
	ring_free(&r);
}

static struct vn_gm_registry *gone;

static void
on_sigbus(int sig, siginfo_t *info, void *uc)
{
	(void)uc;
	if (!vn_gm_sigbus(gone, info->si_addr))
		signal(sig, SIG_DFL);
}

/*
 * A driver that takes memory of its buffers away is found out, wherever in the frame it is; though
 * the kernel does not say that it could not write there.
 */
static void
memory_gone(void **state)
{
	const struct sigaction sa = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};
	struct tap_fixture *fx = *state;
	struct sigaction before;
	bool empty;

	open_queue(fx, 9000);
	assert_int_equal(sigaction(SIGBUS, &sa, &before), 0);
	for (unsigned int k = 0; k < RTE_DIM(kind); k++) {
		for (unsigned int pages = 0; pages < 3; pages++) {
			struct ring r;
			uint64_t left;

			ring_make(fx, &r, kind[k]);
			gone = r.md.reg;
			/* No tables, and no gaps. */
			r.md.features &= ~VN_F_INDIRECT_DESC;
			for (unsigned int i = 0; i < 50; i++)
				assert_true(
					post(&r, kind[k] & VN_NET_F_MRG_RXBUF ? 2048 : 9100, 1));
			send_on_netdev(fx, 1, 9000);
			assert_false(vn_guestmem_broken(r.md.mem));
			left = r.md.file_size - r.md.data_size + pages * 4096;
			assert_int_equal(ftruncate(r.md.memfd, (off_t)left), 0);
			(void)serve(fx, &r, 32, &empty);
			assert_true(vn_guestmem_broken(r.md.mem));
			/* The frame is lost with it, and the queue goes on. */
			assert_false(readable(fx, 0));
			ring_free(&r);
		}
	}
	assert_int_equal(sigaction(SIGBUS, &before, NULL), 0);
}

static int
cmp(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
measure_one(struct tap_fixture *fx, uint64_t features, uint32_t len, unsigned int burst)
{
	enum { ROUNDS = 401 };
	static uint64_t took[2][ROUNDS];
	const unsigned int rounds = getenv("VN_MEASURE") != NULL ? ROUNDS : 3;
	uint8_t frame[VN_MAX_FRAME], got[VN_MAX_FRAME];
	struct vn_net_hdr hdr, seen;
	struct ring r;
	bool empty;

	ring_make(fx, &r, features | VN_NET_F_GUEST_CSUM | VN_NET_F_GUEST_TSO4);
	/* Nobody is to pay for the first touch of a page, or an mbuf, by the kernel. */
	make_gso(VN_NET_HDR_GSO_TCPV4, frame, &hdr);
	for (unsigned int n = 0; n < POOL_SIZE / 10; n++) {
		while (md_outstanding(&r.md) < 100)
			post(&r, BUFFER, 1);
		send_raw(fx, &hdr, frame, GSO_FRAME);
		assert_int_equal(n % 2 ? serve(fx, &r, 1, &empty) : serve_mbufs(fx, &r, 1), 1);
		while (receive(&r, &seen, got) > 0)
			;
	}
	if (len != GSO_FRAME) {
		memset(&hdr, 0, sizeof(hdr));
		fill_frame(1, frame, len);
	}
	for (unsigned int n = 0; n < 2 * rounds; n++) {
		/* Each is first as often as second. */
		const bool fill = (n ^ n >> 1) & 1;
		uint64_t begin;
		uint16_t done;

		while (md_outstanding(&r.md) < 400 && post(&r, BUFFER, 1) > 0)
			;
		for (unsigned int b = 0; b < burst; b++)
			send_raw(fx, &hdr, frame, len);
		begin = rte_rdtsc();
		if (fill)
			done = serve(fx, &r, 32, &empty);
		else
			done = serve_mbufs(fx, &r, 32);
		took[fill][n / 2] = rte_rdtsc() - begin;
		assert_int_equal(done, burst);
		while (receive(&r, &seen, got) > 0)
			;
	}
	for (unsigned int k = 0; k < 2; k++)
		qsort(took[k], rounds, sizeof(took[k][0]), cmp);
	ring_free(&r);
	if (rounds != ROUNDS)
		return;
	print_message("%s, bursts of %u, %5u B: median cycles of a frame: mbufs %ju, in place %ju: "
		      "%.2f\n",
		features & VN_F_RING_PACKED ? "packed" : "split", burst, len,
		(uintmax_t)(took[0][ROUNDS / 2] / burst), (uintmax_t)(took[1][ROUNDS / 2] / burst),
		(double)took[0][ROUNDS / 2] / (double)took[1][ROUNDS / 2]);
}

static void
measure(void **state)
{
	static const uint32_t len[] = {64, 256, 512, 1518, 4096, 9014, GSO_FRAME};
	struct tap_fixture *fx = *state;

	if (getenv("VN_MEASURE") == NULL)
		print_message("set VN_MEASURE=1 to measure\n");
	open_queue(fx, 9000);
	assert_int_equal(
		vn_tap_ops.set_features(fx->port, VN_NET_F_GUEST_CSUM | VN_NET_F_GUEST_TSO4), 0);
	for (unsigned int k = 2; k < RTE_DIM(kind); k++) {
		for (unsigned int burst = 8; burst > 0; burst = burst == 8 ? 1 : 0) {
			for (unsigned int i = 0; i < RTE_DIM(len); i++)
				measure_one(fx, kind[k], len[i], burst);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(all_lengths, fixture_teardown),
		cmocka_unit_test_teardown(both_ways, fixture_teardown),
		cmocka_unit_test_teardown(nothing_there, fixture_teardown),
		cmocka_unit_test_teardown(too_few_buffers, fixture_teardown),
		cmocka_unit_test_teardown(changing_chains, fixture_teardown),
		cmocka_unit_test_teardown(too_long, fixture_teardown),
		cmocka_unit_test_teardown(tso, fixture_teardown),
		cmocka_unit_test_teardown(not_negotiated, fixture_teardown),
		cmocka_unit_test_teardown(not_for_here, fixture_teardown),
		cmocka_unit_test_teardown(short_frames, fixture_teardown),
		cmocka_unit_test_teardown(memory_gone, fixture_teardown),
		cmocka_unit_test_teardown(measure, fixture_teardown),
	};

	enter_netns();
	return cmocka_run_group_tests_name("vn_tap_fill", tests, fixture_init, NULL);
}
