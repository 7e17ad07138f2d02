/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Guests whose rings lie, in split and in packed form, on the poller of one that does not: each of
 * its frames arrives, in order.
 *
 * A thread of its own writes the lies, as fast as it can: indices jump, chains have no end,
 * addresses leave the memory, and descriptors change while they are read. A liar whose ring broke
 * is given a new one.
 */
#include "poller_test_qp.h"

#define LIARS 4
#define BURST 8

struct liar {
	struct vn_poll_qp qp;
	struct vn_port *port;
	struct vn_port_queue *pq;
	struct ring rx, tx;
	pthread_mutex_t lock; /* around the rings' memory */
	struct rng rng;
	uint16_t at[2]; /* of rx, tx: where the driver goes on */
	uint64_t lies;
	uint64_t broken; /* poller writes */
	uint64_t mended;
};

static struct liar liars[LIARS];
static bool stop;

static void
liar_broken(struct vn_poll_qp *qp)
{
	struct liar *l = qp->ctx;

	__atomic_fetch_add(&l->broken, 1, __ATOMIC_RELEASE);
}

/* Of a buffer: a good one, or one that is not. */
static void
lie_about_buffer(struct rng *r, uint64_t *addr, uint32_t *len, uint16_t *flags)
{
	*addr = MD_DATA_GPA + rng_below(r, 64) * 2048;
	*len = 60 + rng_below(r, 1000);
	switch (rng_below(r, 24)) {
	case 0:
		*addr = UINT64_C(1) << 45;
		break;
	case 1:
		*addr = UINT64_MAX - 7;
		break;
	case 2:
		*len = UINT32_MAX - rng_below(r, 2) * 70000;
		break;
	case 3:
		*len = rng_below(r, 13);
		break;
	case 4:
		*flags ^= VN_DESC_F_WRITE;
		break;
	case 5:
		*flags |= VN_DESC_F_INDIRECT;
		*addr = MD_RING_GPA;
		*len = 16 * (1 + rng_below(r, 3)) + rng_chance(r, 20);
		break;
	case 6:
	case 7:
		*flags |= VN_DESC_F_NEXT;
		break;
	default:
		break;
	}
}

static void
lie_split(struct liar *l, struct ring *ring, uint16_t *at)
{
	struct model_driver *md = &ring->md;
	const uint16_t i = rng_below(&l->rng, RING);
	struct vn_vring_desc d = {.flags = md->is_rx ? VN_DESC_F_WRITE : 0};
	uint64_t addr;
	uint32_t len;

	lie_about_buffer(&l->rng, &addr, &len, &d.flags);
	d.next = rng_below(&l->rng, RING + rng_chance(&l->rng, 5));
	d.addr = addr;
	d.len = len;
	md->desc[i] = d;
	md->avail->ring[*at % RING] = rng_chance(&l->rng, 2) ? RING + 7 : i;
	*at += rng_chance(&l->rng, 1) ? rng_below(&l->rng, UINT16_MAX) : 1;
	__atomic_store_n(&md->avail->idx, *at, __ATOMIC_RELEASE);
}

static void
lie_packed(struct liar *l, struct ring *ring, uint16_t *at)
{
	struct model_driver *md = &ring->md;
	const bool jump = rng_chance(&l->rng, 10);
	uint16_t flags = md->is_rx ? VN_DESC_F_WRITE : 0, i = *at & ~VN_EVENT_WRAP;
	uint64_t addr;
	uint32_t len;

	/* One that is being read, or any other. */
	if (jump)
		i = rng_below(&l->rng, RING);
	lie_about_buffer(&l->rng, &addr, &len, &flags);
	flags |= *at & VN_EVENT_WRAP ? VN_DESC_F_AVAIL : VN_DESC_F_USED;
	if (rng_chance(&l->rng, 2))
		flags ^= VN_DESC_F_AVAIL | VN_DESC_F_USED;
	md->ring[i].addr = addr;
	md->ring[i].len = len;
	md->ring[i].id = rng_below(&l->rng, UINT16_MAX);
	__atomic_store_n(&md->ring[i].flags, flags, __ATOMIC_RELEASE);
	if (!jump)
		*at = vn_vring_packed_advance(*at, 1, RING);
}

static void *
lie(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		for (unsigned int i = 0; i < LIARS; i++) {
			struct liar *l = &liars[i];

			pthread_mutex_lock(&l->lock);
			for (unsigned int n = 0; n < RING; n++) {
				const unsigned int which = rng_below(&l->rng, 2);
				struct ring *ring = which == 0 ? &l->rx : &l->tx;

				if (ring->md.packed)
					lie_packed(l, ring, &l->at[which]);
				else
					lie_split(l, ring, &l->at[which]);
				l->lies++;
			}
			pe_kick(l->tx.kick);
			pthread_mutex_unlock(&l->lock);
		}
		sched_yield();
	}
	return NULL;
}

static void
make_rings(struct liar *l, bool packed)
{
	const uint64_t features = FEATURES | VN_F_INDIRECT_DESC | (packed ? VN_F_RING_PACKED : 0);

	ring_make(&l->rx, true, features);
	ring_make(&l->tx, false, features);
	l->at[0] = l->at[1] = packed ? VN_VRING_PACKED_START : 0;
}

static void
attach_liar(struct vn_poller *p, void *arg)
{
	struct liar *l = arg;

	vn_poll_qp_attach_ring(p, &l->qp, true, l->rx.vq, l->rx.kick);
	vn_poll_qp_attach_ring(p, &l->qp, false, l->tx.vq, l->tx.kick);
}

static void
detach_liar(struct vn_poller *p, void *arg)
{
	struct liar *l = arg;

	vn_poll_qp_detach_ring(p, &l->qp, true);
	vn_poll_qp_detach_ring(p, &l->qp, false);
}

static void
attach_liar_port(struct vn_poller *p, void *arg)
{
	struct liar *l = arg;

	vn_poll_qp_attach_port(p, &l->qp, l->pq);
}

static void
detach_liar_port(struct vn_poller *p, void *arg)
{
	vn_poll_qp_detach_port(p, &((struct liar *)arg)->qp);
}

static void
begin_liar(struct liar *l, unsigned int n)
{
	char err[256];

	memset(l, 0, sizeof(*l));
	pthread_mutex_init(&l->lock, NULL);
	l->rng.s = n + 1;
	l->qp = (struct vn_poll_qp){
		.ops = &fp_ops, .pool = env_pool, .on_broken = liar_broken, .ctx = l};
	assert_int_equal(
		fp_ops.open(&(struct vn_port_conf){.name = "l"}, &l->port, err, sizeof(err)), 0);
	assert_int_equal(fp_ops.queue_open(l->port, 1 + n, env_pool, &l->pq), 0);
	make_rings(l, n % 2 != 0);
	pe_call(attach_liar_port, l);
	pe_call(attach_liar, l);
}

static void
count_errors(const struct liar *l, uint64_t *errs)
{
	const struct vn_virtq_stats *s[] = {&l->rx.stats, &l->tx.stats};

	for (unsigned int i = 0; i < 2; i++)
		*errs += errors(s[i]);
}

/* The driver's reset, when the device wants one. */
static void
mend(struct liar *l, uint64_t *errs)
{
	const bool packed = l->rx.md.packed;

	if (__atomic_load_n(&l->broken, __ATOMIC_ACQUIRE) == l->mended)
		return;
	pe_call(detach_liar, l);
	pthread_mutex_lock(&l->lock);
	l->mended = l->broken;
	count_errors(l, errs);
	ring_free(&l->rx);
	ring_free(&l->tx);
	make_rings(l, packed);
	pthread_mutex_unlock(&l->lock);
	pe_call(attach_liar, l);
}

static void
end_liar(struct liar *l, uint64_t *errs)
{
	pe_call(detach_liar, l);
	pe_call(detach_liar_port, l);
	count_errors(l, errs);
	ring_free(&l->rx);
	ring_free(&l->tx);
	fp_ops.queue_close(l->pq);
	fp_ops.close(l->port);
	pthread_mutex_destroy(&l->lock);
}

/* Frames both ways, the next one being @p n; each must come, in order. */
static void
honest(uint32_t n)
{
	uint32_t tag, out = n, in = n;
	int64_t got;

	for (uint32_t i = 0; i < BURST; i++) {
		post(2000);
		assert_true(driver_send(n + i, 60 + (n + i) % 900));
		assert_true(fp_send(t.pq, n + i, 60));
	}
	UNTIL(({
		while (fp_recv(t.pq, &tag) >= 0) {
			assert_int_equal(tag, out);
			out++;
		}
		while ((got = take(60)) >= 0) {
			assert_int_equal(got, in);
			in++;
		}
		out == n + BURST &&in == n + BURST;
	}));
}

static void
test_liars(void **state)
{
	const unsigned int rounds = env_rounds("frames / 8", 400, 40000);
	uint64_t lies = 0, broke = 0, errs = 0, begin;
	pthread_t thread;

	(void)state;
	attach_all();
	begin = vn_now_ns();
	for (uint32_t i = 0; i < rounds; i++)
		honest(i * BURST);
	print_message("alone: %.0f frames/s each way\n",
		1e9 * rounds * BURST / (double)(vn_now_ns() - begin));
	for (unsigned int i = 0; i < LIARS; i++)
		begin_liar(&liars[i], i);
	stop = false;
	assert_int_equal(pthread_create(&thread, NULL, lie, NULL), 0);
	begin = vn_now_ns();
	for (uint32_t i = 0; i < rounds; i++) {
		struct liar *l = &liars[i % LIARS];
		uint32_t tag;

		honest(i * BURST);
		while (fp_recv(l->pq, &tag) >= 0)
			;
		fp_send(l->pq, i, 200);
		mend(l, &errs);
	}
	print_message("among liars: %.0f frames/s each way\n",
		1e9 * rounds * BURST / (double)(vn_now_ns() - begin));
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	for (unsigned int i = 0; i < LIARS; i++) {
		end_liar(&liars[i], &errs);
		lies += liars[i].lies;
		broke += liars[i].broken;
		assert_true(liars[i].broken > 0);
	}
	print_message("%ju lies, %ju errors counted, %ju rings broke\n", (uintmax_t)lies,
		(uintmax_t)errs, (uintmax_t)broke);
	assert_true(errs > 0);
	/* The poller counts no frame of the honest one as lost. */
	assert_int_equal(errors(&t.rx.stats) + errors(&t.tx.stats), 0);
	assert_false(vn_virtq_broken(t.rx.vq) || vn_virtq_broken(t.tx.vq));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		QP_TEST(test_liars),
	};

	return env_run_both(tests, pe_group_setup, env_teardown);
}
