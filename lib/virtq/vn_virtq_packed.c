/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * A packed ring: giving chains back, and event suppression.
 *
 * Before a used descriptor is written, the black box says from where on, and which chains there
 * are; after the last one, where the ring is now. A death in between leaves it to
 * vn_virtq_packed_resume() to look which of them have been given back.
 */
#include "vn_virtq_packed.h"

static __rte_always_inline void
give_back(struct vn_virtq *vq, uint16_t position, const struct vn_vring_used_elem *e)
{
	const uint16_t index = packed_index(position);
	const uint16_t flags = packed_used_flags(position) | (e->len > 0 ? VN_DESC_F_WRITE : 0);

	packed_store(&vq->pk_desc[index], e->len, PK_ENTRY_ID(e->id), flags);
	/* used_log_gpa is where the device's part of a ring is: here, event suppression only. */
	if (unlikely(vq->log_dirty))
		log_write(vq, vq->conf.desc_gpa + index * sizeof(vq->pk_desc[0]),
			sizeof(vq->pk_desc[0]));
}

static __rte_always_inline const struct vn_vring_used_elem *
entry(const struct vn_virtq *vq, uint16_t n)
{
	return &vq->inflight[(uint16_t)(vq->published + n) & vq->mask];
}

static __rte_always_inline void
note(struct vn_virtq *vq, uint16_t burst, uint16_t runs)
{
	if (vq->bb != NULL)
		vn_bb_ring_note(
			vq->bb, vq->pk_published, burst, vq->generation, VN_BB_PACKED | runs);
}

/* @p chains chains of @p slots descriptors have been given back. */
static __rte_always_inline void
published(struct vn_virtq *vq, uint16_t chains, uint16_t slots)
{
	vq->published += chains;
	vq->pk_published = vn_vring_packed_advance(vq->pk_published, slots, vq->size);
	vq->pk_inflight -= slots;
	vq->pk_unsignalled += slots;
	note(vq, 0, 0);
}

/*
 * Give back @p n chains, whose entries lie one after another, as the descriptors from @p d on do,
 * @p slots apart. @p flags: of a used descriptor that was not written to.
 */
static __rte_always_inline void
give_back_run(struct vn_vring_packed_desc *d, const struct vn_vring_used_elem *e, uint32_t n,
	const uint16_t slots, const uint16_t flags)
{
	const struct vn_vring_used_elem *const end = e + n;

	for (; e < end; e++, d += slots)
		packed_store(
			d, e->len, PK_ENTRY_ID(e->id), flags | (e->len > 0 ? VN_DESC_F_WRITE : 0));
}

/* All of the next @p n chains have @p slots descriptors, and are frames of their own. */
static __rte_always_inline void
publish_same(struct vn_virtq *vq, const uint16_t n, const uint16_t slots)
{
	uint16_t flags = packed_used_flags(vq->pk_published), at = vq->published;
	uint32_t index = packed_index(vq->pk_published), run;

	/* The word says now that there is no list. */
	if (slots > 1 && vq->bb != NULL)
		__atomic_store_n(&vq->bb->run[0], VN_BB_RUN(0, n, slots), __ATOMIC_RELAXED);
	note(vq, n, slots > 1);
	for (uint32_t left = n; left > 0; left -= run) {
		/* To the end of the ring, or of inflight[]; one chain may lie across the former. */
		run = RTE_MIN(left, (vq->size - index + slots - 1) / slots);
		run = RTE_MIN(run, vq->mask + 1u - (at & vq->mask));
		give_back_run(&vq->pk_desc[index], &vq->inflight[at & vq->mask], run, slots, flags);
		if (unlikely(vq->log_dirty))
			log_write(vq, vq->conf.desc_gpa + index * sizeof(vq->pk_desc[0]),
				((run - 1) * slots + 1) * sizeof(vq->pk_desc[0]));
		at += run;
		index += run * slots;
		if (unlikely(index >= vq->size)) {
			index -= vq->size;
			flags ^= PK_FLAGS;
		}
	}
	published(vq, n, n * slots);
}

/*
 * Descriptors that each of the next @p n chains has, if that is the same and they are frames of
 * their own; else 0.
 */
static uint16_t
same_slots(const struct vn_virtq *vq, uint16_t n)
{
	const uint32_t kind = entry(vq, 0)->id >> 16;

	for (uint16_t i = 1; i < n; i++) {
		if (entry(vq, i)->id >> 16 != kind)
			return 0;
	}
	return kind & PK_MORE >> 16 ? 0 : kind + 1;
}

/* Chains of the frame that begins with the @p n th after the published ones. */
static uint16_t
frame_chains(const struct vn_virtq *vq, uint16_t n, uint16_t end)
{
	uint16_t chains = 1;

	while (n + chains < end && entry(vq, n + chains)->id & PK_MORE)
		chains++;
	return chains;
}

/*
 * Append the runs of a frame to @p run.
 * @return how many there are then; more than VN_BB_RUNS: it did not fit (but may be in there in
 * part).
 */
static unsigned int
add_runs(const struct vn_virtq *vq, uint16_t first, uint16_t chains, uint32_t *run, unsigned int n)
{
	uint32_t kind = chains > 1 ? VN_BB_RUN_FRAME : 0;

	for (uint16_t i = 0, same; i < chains; i += same) {
		const uint16_t slots = PK_ENTRY_SLOTS(entry(vq, first + i)->id);

		same = 1;
		while (i + same < chains &&
			PK_ENTRY_SLOTS(entry(vq, first + i + same)->id) == slots)
			same++;
		if (kind == 0 && n > 0 && VN_BB_RUN_KIND(run[n - 1]) == 0 &&
			VN_BB_RUN_SLOTS(run[n - 1]) == slots) {
			/* One more of the kind. */
			run[n - 1] = VN_BB_RUN(0, VN_BB_RUN_CHAINS(run[n - 1]) + 1u, slots);
			continue;
		}
		if (n == VN_BB_RUNS)
			return n + 1;
		run[n++] = VN_BB_RUN(kind, same, slots);
		kind = VN_BB_RUN_MORE;
	}
	return n;
}

/* Give the chains of a frame back, the first one last. @return where the next frame begins. */
static uint16_t
give_back_frame(struct vn_virtq *vq, uint16_t first, uint16_t chains, uint16_t at)
{
	uint16_t end = at;

	for (uint16_t i = 0; i < chains; i++)
		end = vn_vring_packed_advance(
			end, PK_ENTRY_SLOTS(entry(vq, first + i)->id), vq->size);
	at = end;
	for (uint16_t i = chains; i-- > 0;) {
		at = vn_vring_packed_retreat(
			at, PK_ENTRY_SLOTS(entry(vq, first + i)->id), vq->size);
		give_back(vq, at, entry(vq, first + i));
	}
	return end;
}

/* As many whole frames as the black box has room to describe. @p n: all chains that wait. */
static void
publish_group(struct vn_virtq *vq, uint16_t n)
{
	uint32_t run[VN_BB_RUNS];
	uint16_t chains = 0, done, at;
	unsigned int runs = 0;

	while (chains < n) {
		const uint16_t frame = frame_chains(vq, chains, n);
		const unsigned int more = add_runs(vq, chains, frame, run, runs);

		/* A frame that fits into no list has not been taken: see reserve_buffers(). */
		if (more > VN_BB_RUNS)
			break;
		runs = more;
		chains += frame;
	}
	if (vq->bb != NULL) {
		/* The word says now that there is no list. */
		for (unsigned int i = 0; i < runs; i++)
			__atomic_store_n(&vq->bb->run[i], run[i], __ATOMIC_RELAXED);
		note(vq, chains, runs);
	}
	at = vq->pk_published;
	for (done = 0; done < chains;) {
		const uint16_t frame = frame_chains(vq, done, chains);

		at = give_back_frame(vq, done, frame, at);
		done += frame;
	}
	published(vq, chains, vn_vring_packed_distance(vq->pk_published, at, vq->size));
}

void
vn_virtq_packed_publish(struct vn_virtq *vq)
{
	const uint16_t n = vq->used - vq->published;

	/* Whoever has taken them, they were posted at once. */
	if (unlikely(vq->pk_inflight > vq->stats->max_post))
		__atomic_store_n(&vq->stats->max_post, vq->pk_inflight, __ATOMIC_RELAXED);
	vq->generation++;
	if (likely(!vq->pk_shapes)) {
		publish_same(vq, n, 1);
	} else {
		const uint16_t slots = same_slots(vq, n);

		if (slots > 0)
			publish_same(vq, n, slots);
		while (vq->published != vq->used)
			publish_group(vq, vq->used - vq->published);
		vq->pk_shapes = vq->published != vq->taken;
	}
	vq->signal_due = true;
}

uint16_t
vn_virtq_packed_avail(struct vn_virtq *vq, uint16_t most)
{
	return unlikely(vq->broken != NULL) ? 0 : packed_see(vq, most);
}

bool
vn_virtq_packed_wants_interrupt(const struct vn_virtq *vq)
{
	/* Both fields by one load: off_wrap is the one that belongs to the flags, or a newer one.
	 */
	const uint32_t word = rte_le_to_cpu_32(__atomic_load_n(
		(const uint32_t __attribute__((may_alias)) *)vq->pk_driver, __ATOMIC_RELAXED));
	const uint16_t off_wrap = word;

	switch (word >> 16 & VN_EVENT_F_MASK) {
	case VN_EVENT_F_DISABLE:
		return false;
	case VN_EVENT_F_DESC:
		/* Not negotiated, it means nothing; then rather once too often. */
		return !vq->event_idx || vn_vring_packed_distance(vq->signalled, off_wrap,
						 vq->size) < vq->pk_unsignalled;
	default:
		return true;
	}
}

void
vn_virtq_packed_arm(struct vn_virtq *vq, bool on)
{
	uint32_t word = (uint32_t)VN_EVENT_F_DISABLE << 16;

	if (on && vq->event_idx)
		word = (uint32_t)VN_EVENT_F_DESC << 16 | vq->pk_next;
	else if (on)
		/* Not 0: a driver's new ring is told from one that was served by that. */
		word = (uint32_t)VN_EVENT_F_ENABLE << 16 | VN_EVENT_WRAP;
	__atomic_store_n((uint32_t __attribute__((may_alias)) *)vq->pk_device,
		rte_cpu_to_le_32(word), __ATOMIC_RELAXED);
	log_used(vq, 0, sizeof(*vq->pk_device));
}
