/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * A death after every single store to shared memory, guest memory and black box: the ring is
 * resumed on what is there then, and goes on. For many small rings, positions around the wrap,
 * shapes of chains and frames, and all that the driver may have done before anybody resumed.
 *
 * Towards the guest nothing is given back twice, or skipped, or with wrong contents. Towards the
 * network at most the burst at hand is repeated (from the driver) or lost (to it).
 */
#include "virtq_test_env.h"

#include "crash_driver.h"
#include "vn_virtq_fill.h"
#include "vn_virtq_view.h"

static struct vn_guestmem *mem;
static struct vn_virtq_stats stats;
static struct vn_virtq *vq;
static struct {
	uint64_t configs, stores, states, resumes_cut, filled;
} total;

static struct vn_bb_ring *
record(void)
{
	return (struct vn_bb_ring *)cm.record;
}

static void
make_vq(uint16_t start)
{
	const struct vn_virtq_conf c = {
		.size = conf->size,
		.is_rx = conf->rx,
		.start = start,
		.features = VN_F_VERSION_1 | VN_F_INDIRECT_DESC |
			    (conf->packed ? VN_F_RING_PACKED : 0) |
			    (conf->mergeable ? VN_NET_F_MRG_RXBUF : 0),
		.desc_gpa = GPA,
		.avail_gpa = GPA + EVENTS,
		.used_gpa = GPA + USED,
		.mem = mem,
		.call_fd = -1,
		.bb = record(),
		.stats = &stats,
	};

	assert_int_equal(vn_virtq_create(&c, &vq), 0);
}

/* Take frames; they must be those of the chains from @p next on. */
static uint32_t
engine_mbufs(uint32_t next, uint16_t n)
{
	struct rte_mbuf *pkts[MAX];

	n = vn_virtq_dequeue(vq, env_pool, pkts, n);
	for (uint16_t i = 0; i < n; i++, next++) {
		const uint8_t *p = rte_pktmbuf_mtod(pkts[i], const uint8_t *);

		assert_int_equal(pkts[i]->pkt_len, chain_bytes(conf->shape[next % 2]) - HDR);
		for (uint32_t b = 0; b < pkts[i]->pkt_len; b++)
			assert_int_equal(p[b], (uint8_t)next);
		rte_pktmbuf_free(pkts[i]);
	}
	return next;
}

/* The same by views. */
static uint32_t
engine_views(uint32_t next, uint16_t most)
{
	static struct vn_view v[VN_VIEW_BURST];
	uint16_t n;

	for (; most > 0 && (n = vn_virtq_views(vq, v, most)) > 0; most -= n) {
		for (uint16_t i = 0; i < n; i++, next++) {
			assert_int_equal(v[i].len, chain_bytes(conf->shape[next % 2]) - HDR);
			assert_int_equal(v[i].head_len, v[i].len);
			for (uint32_t b = 0; b < v[i].len; b++)
				assert_int_equal(v[i].head[b], (uint8_t)next);
		}
	}
	return next;
}

static uint32_t
engine_dequeue(uint32_t next, uint16_t n)
{
	return conf->views ? engine_views(next, n) : engine_mbufs(next, n);
}

static uint32_t
engine_tx(uint32_t next)
{
	if (conf->in_two) {
		next = engine_dequeue(next, 2);
		vn_virtq_complete(vq);
		next = engine_dequeue(next, MAX);
		vn_virtq_publish(vq);
	}
	next = engine_dequeue(next, MAX);
	vn_virtq_complete(vq);
	vn_virtq_publish(vq);
	return next;
}

static uint32_t
frame_bytes(uint32_t number)
{
	return 20 + ROOM * (conf->bufs[number % 2] - 1);
}

/* Frames @p from to @p from + n - 1, as the kernel writes them. @return how many went so. */
static uint16_t
engine_fill(uint32_t from, uint16_t n)
{
	static const struct vn_net_hdr none;
	struct vn_fill f;
	uint16_t done;

	if (!vn_virtq_fill_begin(vq, &f, RTE_MAX(frame_bytes(0), frame_bytes(1))))
		return 0;
	for (done = 0; done < n && vn_virtq_fill_next(vq, &f); done++) {
		const uint32_t len = frame_bytes(from + done);

		for (uint32_t i = 0, at = 0, part; at < len; i++, at += part) {
			part = RTE_MIN(len - at, (uint32_t)f.iov[i].iov_len);
			memset(f.iov[i].iov_base, from + done, part);
		}
		vn_virtq_fill_take(vq, &f, &none, len);
	}
	vn_virtq_fill_end(vq);
	total.filled += done;
	return done;
}

static uint16_t
put_views(struct rte_mbuf **pkts, uint16_t n)
{
	static struct vn_view v[MAX];

	for (uint16_t i = 0; i < n; i++) {
		v[i].len = v[i].head_len = pkts[i]->pkt_len;
		memcpy(v[i].head, rte_pktmbuf_mtod(pkts[i], const void *), v[i].len);
	}
	return vn_virtq_put_views(vq, v, n);
}

/* Frames @p from to @p from + n - 1. @return how many were taken. */
static uint16_t
engine_rx(uint32_t from, uint16_t n)
{
	static const struct vn_net_hdr none;
	struct rte_mbuf *pkts[MAX];
	uint8_t data[MAX * ROOM];
	uint16_t done = 0, filled = 0;

	if (conf->fill) {
		filled = engine_fill(from, n);
		from += filled;
		n -= filled;
	}
	for (uint16_t i = 0; i < n; i++) {
		memset(data, from + i, sizeof(data));
		pkts[i] = env_mbuf(&none, data, frame_bytes(from + i));
	}
	if (n > 0) {
		done = conf->views ? put_views(pkts, n) : vn_virtq_enqueue(vq, pkts, n);
		rte_pktmbuf_free_bulk(pkts, n);
	}
	vn_virtq_publish(vq);
	return filled + done;
}

static void
post_all(void)
{
	while (post())
		;
}

static void
reap_all(void)
{
	while (reap())
		;
}

/* Go on after a death, to the end: whatever is made available now comes back, and what is sent. */
static void
go_on(void)
{
	const uint32_t until = w.d.added + 3;

	for (unsigned int rounds = 0; rounds < 8; rounds++) {
		const uint32_t lost = w.sent;

		while (w.d.added < until && post())
			;
		if (!conf->rx) {
			assert_int_equal(engine_tx(w.d.got), w.d.added);
			reap_all();
			assert_int_equal(w.d.got, w.d.added);
			if (w.d.added == until)
				return;
			continue;
		}
		w.sent += engine_rx(w.sent, 1);
		reap_all();
		/* What is sent after a death arrives. */
		if (w.sent != lost)
			assert_int_equal(w.d.frames, w.sent);
	}
	if (conf->rx)
		assert_int_equal(w.d.frames, w.sent);
}

static int
find_position(void)
{
	int idx;

	if (conf->packed)
		return vn_virtq_packed_resume(mem, GPA, conf->size, record());
	idx = vn_virtq_split_used_idx(mem, GPA + USED);
	/* The record knows of all that can have been given back. */
	assert_true(vn_bb_ring_bounds(record(), idx));
	return idx;
}

/* Resume on what is in memory. @p twice: die again after each store of that, and try again. */
static void
resume(bool twice)
{
	static struct cm_image again[32];
	struct cm_image now;
	unsigned int n;
	int at = 0;

	if (twice) {
		cm_begin(false);
		at = find_position();
		if (at >= 0)
			vn_bb_ring_start(record(), conf->packed, conf->size, GPA, GPA + USED, at);
		cm_end();
		n = cm.n;
		assert_true(n <= RTE_DIM(again));
		cm_take(&now);
		memcpy(again, cm.image, n * sizeof(again[0]));
		for (unsigned int i = 1; i + 1 < n; i++) {
			cm_put(&again[i]);
			assert_int_equal(find_position(), at);
			total.resumes_cut++;
		}
		cm_put(&now);
	} else {
		at = find_position();
		vn_bb_ring_start(record(), conf->packed, conf->size, GPA, GPA + USED, at);
	}
	assert_true(at >= 0);
	make_vq(at);
}

/* One state: @p image was left; the driver takes back @p back, and makes @p more available. */
static bool
one_state(const struct cm_image *image, const struct world *then, unsigned int back, bool more)
{
	w = *then;
	cm_put(image);
	for (unsigned int i = 0; i < back; i++) {
		if (!reap())
			return false;
	}
	if (more)
		post_all();
	/* Where resuming may have to store more than the position. */
	resume(back == 0 && !more && (record()->runs & ~VN_BB_PACKED) != 0);
	reap_all();
	go_on();
	vn_virtq_free(vq);
	assert_int_equal(stats.bad_desc_errors + stats.exceed_max_chain + stats.invalid_buffer +
				 stats.bad_header + stats.oversized,
		0);
	total.states++;
	return true;
}

static void
check_images(const struct world *before)
{
	static struct cm_image image[CM_IMAGES];
	const unsigned int n = cm.n;
	struct vn_virtq *live = vq;
	struct world after = w, then = *before;

	memcpy(image, cm.image, n * sizeof(image[0]));
	total.stores += n - 1;
	/* The frames of this burst are lost, or repeated. */
	then.sent = after.sent;
	for (unsigned int i = 0; i < n; i++) {
		const bool data = i > 0 &&
				  memcmp(image[i].guest + CM_PAGE, image[i - 1].guest + CM_PAGE,
					  CM_PAGE) == 0 &&
				  memcmp(image[i].record, image[i - 1].record, CM_RECORD) == 0;

		(void)one_state(&image[i], &then, 0, false);
		if (data)
			continue;
		for (unsigned int back = 0; one_state(&image[i], &then, back, true); back++)
			;
	}
	cm_put(&image[n - 1]);
	w = after;
	vq = live;
}

static void
one_config(const struct config *c)
{
	struct world before;

	conf = c;
	memset(&w, 0, sizeof(w));
	memset(memory, 0, CM_ALL);
	w.d.next_avail = w.d.next_used = c->start;
	w.d.slots_free = c->size;
	for (unsigned int i = 0; i < c->size && c->packed; i++) {
		const bool behind = i < (c->start & ~VN_EVENT_WRAP);
		const bool wrap = c->start & VN_EVENT_WRAP;

		packed_desc(i)->flags = wrap == behind ? VN_DESC_F_AVAIL | VN_DESC_F_USED : 0;
	}
	if (!c->packed)
		avail_ring()->idx = used_ring()->idx = c->start;
	vn_bb_ring_start(record(), c->packed, c->size, GPA, GPA + USED, c->start);
	make_vq(c->start);
	for (unsigned int burst = 0; burst < 2; burst++) {
		post_all();
		before = w;
		cm_begin(c->size <= 2);
		if (c->rx)
			w.sent += engine_rx(w.sent, c->size > 8 ? 20 : 4);
		else
			(void)engine_tx(w.d.got);
		cm_end();
		check_images(&before);
		reap_all();
	}
	vn_virtq_free(vq);
	total.configs++;
}

static void
shapes(struct config *c, unsigned int most)
{
	for (unsigned int a = 0; a <= RTE_MIN(most, c->size); a++) {
		for (unsigned int b = 0; b <= RTE_MIN(most, c->size); b++) {
			c->shape[0] = a;
			c->shape[1] = b;
			if (!c->rx) {
				one_config(c);
				continue;
			}
			for (unsigned int f = 1; f <= (c->mergeable ? 3u : 1u); f++) {
				c->bufs[0] = f;
				c->bufs[1] = c->mergeable ? 4 - f : 1;
				/* The ring must be able to hold each, wherever a chain does not
				 * fit. */
				if (RTE_MAX(c->bufs[0], c->bufs[1]) +
						RTE_MAX(slots_of(a), slots_of(b)) <=
					c->size + 1u)
					one_config(c);
			}
		}
	}
}

static void
all_ways(const struct config *conf_of, unsigned int most)
{
	struct config c = *conf_of;

	for (unsigned int two = 0; two < 2; two++) {
		c.in_two = two;
		shapes(&c, most);
	}
	c.in_two = false;
	c.rx = true;
	shapes(&c, most);
	c.mergeable = true;
	shapes(&c, most);
	/* What cannot be read straight into the buffers goes the way before. */
	c.fill = true;
	shapes(&c, 1);
	c.mergeable = false;
	shapes(&c, 1);
}

static void
all_configs(bool packed, unsigned int most)
{
	const unsigned int full = env_rounds("largest ring", 4, 8);

	for (unsigned int size = 1; size <= full; size++) {
		if (!packed && (size & (size - 1)) != 0)
			continue;
		for (unsigned int s = 0; s < 2 * size; s++) {
			struct config c = {.packed = packed, .size = size};

			/* Each place, in a lap of either kind; split: the index wraps. */
			c.start = packed ? s % size | (s < size ? VN_EVENT_WRAP : 0) : 65536 - s;
			for (unsigned int views = 0; views < 2; views++) {
				c.views = views;
				all_ways(&c, most);
			}
		}
	}
}

/* More chains of different lengths than a record can describe at once. */
static void
long_bursts(void)
{
	for (unsigned int s = 0; s < 4; s++) {
		for (unsigned int kind = 0; kind < 3; kind++) {
			const struct config c = {
				.packed = true,
				.rx = kind > 0,
				.mergeable = kind == 2,
				.views = s >= 2,
				.size = 40,
				.start = (s % 2 ? VN_EVENT_WRAP : 0) | (s < 2 ? 3 : 30),
				.shape = {1, 2},
				.bufs = {1, kind == 2 ? 4 : 1},
			};

			one_config(&c);
		}
	}
}

static void
print_total(void)
{
	print_message(
		"%ju rings and programs, %ju stores, %ju states resumed, %ju deaths in resuming, "
		"%ju frames straight into buffers\n",
		(uintmax_t)total.configs, (uintmax_t)total.stores, (uintmax_t)total.states,
		(uintmax_t)total.resumes_cut, (uintmax_t)total.filled);
	assert_true(total.filled > 0);
	memset(&total, 0, sizeof(total));
}

static void
death_after_each_store(void **state)
{
	struct vn_gm_registry *reg;
	struct vn_gm_region region;
	struct vn_gm_file *file;
	int fd;

	(void)state;
	if (!CRASH_MODEL_WORKS) {
		print_message("skipped: needs x86-64's trap flag\n");
		skip();
	}
	fd = memfd_create("guest", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, CM_ALL), 0);
	memory = mmap(NULL, CM_ALL, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	rings = memory + CM_PAGE;
	reg = vn_gm_registry_create(1);
	assert_non_null(reg);
	assert_int_equal(vn_gm_file_map(reg, fd, 0, CM_ALL, false, &file), 0);
	region = (struct vn_gm_region){.gpa = BUFFERS, .size = CM_GUEST, .file = file};
	assert_int_equal(vn_guestmem_create(&region, 1, &mem), 0);
	cm_init(vn_gm_file_base(file));
	vn_gm_file_unref(file);

	all_configs(env_ring != 0, 2);
	if (env_ring != 0)
		long_bursts();
	print_total();

	cm_fini();
	vn_guestmem_unref(mem);
	vn_gm_registry_destroy(reg);
	munmap(memory, CM_ALL);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(death_after_each_store, env_check_pool),
	};

	return env_run_both(tests, env_setup, env_teardown);
}
