/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Where a ring goes on after a death of its process.
 *
 * Split: used->idx in guest memory says it all.
 *
 * Packed: a descriptor that was given back looks, once the driver has made it available again, as
 * those do that are not there yet. So the black box says where the burst began that was being given
 * back. The heads of its chains were available in that lap, AVAIL == wrap and USED != wrap; a
 * head of which that is not true any more has been given back, whatever the driver has done with it
 * since. In ring order, but for frames of several chains: of these the first chain is the last one.
 * The others may not be found used without it, so such a frame is given back to its end here. Its
 * bytes are all there: they are written before anything is given back.
 */
#include <errno.h>

#include "vn_virtq_packed.h"

int
vn_virtq_split_used_idx(const struct vn_guestmem *mem, uint64_t used_gpa)
{
	const struct vn_vring_used *used;

	used = vn_guestmem_addr(mem, used_gpa, sizeof(*used), false);
	if (used == NULL || (uintptr_t)used % VN_VRING_USED_ALIGN != 0)
		return -EFAULT;
	return rte_le_to_cpu_16(__atomic_load_n(&used->idx, __ATOMIC_ACQUIRE));
}

int
vn_virtq_split_avail_idx(const struct vn_guestmem *mem, uint64_t avail_gpa)
{
	const struct vn_vring_avail *avail;

	avail = vn_guestmem_addr(mem, avail_gpa, sizeof(*avail), false);
	if (avail == NULL || (uintptr_t)avail % VN_VRING_AVAIL_ALIGN != 0)
		return -EFAULT;
	return rte_le_to_cpu_16(__atomic_load_n(&avail->idx, __ATOMIC_RELAXED));
}

/* A packed ring, and its record. */
struct resume {
	const struct vn_guestmem *mem;
	struct vn_vring_packed_desc *desc;
	uint16_t size;
	uint32_t run[VN_BB_RUNS];
	unsigned int n_runs;
};

static bool
given_back(const struct resume *r, uint16_t position)
{
	const uint16_t flags = packed_flags(packed_load(&r->desc[packed_index(position)]));

	return (flags & PK_FLAGS) != packed_avail_flags(position);
}

/* Bytes that the buffers of an indirect table have. */
static int
table_bytes(const struct resume *r, uint64_t gpa, uint32_t len, uint64_t *bytes)
{
	const uint32_t n = len / sizeof(struct vn_vring_packed_desc);

	/* A longer one was never walked to its end: see packed_walk_table(). */
	if (n > 2 * VN_VQ_MAX_SEGS)
		return -EINVAL;
	for (uint32_t i = 0; i < n; i++) {
		const struct vn_gm_slot *hint = &vn_gm_no_slot;
		struct vn_vring_packed_desc d;

		for (uint64_t done = 0, part; done < sizeof(d); done += part) {
			const void *p;

			part = sizeof(d) - done;
			p = vn_guestmem_part(
				r->mem, gpa + i * sizeof(d) + done, &part, false, &hint);
			if (p == NULL)
				return -EINVAL;
			memcpy((uint8_t *)&d + done, p, part);
		}
		*bytes += rte_le_to_cpu_32(d.len);
	}
	return 0;
}

/* Give the chain of @p slots descriptors at @p position back, filled. It is there still. */
static int
give_back_filled(const struct resume *r, uint16_t position, uint16_t slots)
{
	uint16_t at = position, id = 0;
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < slots; i++) {
		const struct vn_vring_packed_desc *d = &r->desc[packed_index(at)];
		const uint64_t word = packed_load(d);
		const uint16_t flags = packed_flags(word);
		int err;

		if (!!(flags & VN_DESC_F_NEXT) != (i + 1 < slots))
			return -EINVAL;
		if (!(flags & VN_DESC_F_INDIRECT)) {
			bytes += (uint32_t)word;
		} else {
			err = slots == 1 ? table_bytes(r, packed_load_addr(d), word, &bytes)
					 : -EINVAL;
			if (err < 0)
				return err;
		}
		id = word >> 32;
		at = vn_vring_packed_advance(at, 1, r->size);
	}
	packed_store(&r->desc[packed_index(position)], RTE_MIN(bytes, UINT32_MAX), id,
		packed_used_flags(position) | VN_DESC_F_WRITE);
	return 0;
}

/*
 * Of the frame whose chains run[first .. end - 1] describe, and which ends before @p after, give
 * back what has not been. All but its last chain were filled.
 */
static int
complete_frame(const struct resume *r, unsigned int first, unsigned int end, uint16_t after)
{
	uint16_t at = after;

	for (unsigned int i = end; i-- > first;) {
		const uint16_t slots = VN_BB_RUN_SLOTS(r->run[i]);

		for (uint32_t c = VN_BB_RUN_CHAINS(r->run[i]); c > 0; c--) {
			int err;

			at = vn_vring_packed_retreat(at, slots, r->size);
			if (given_back(r, at))
				continue;
			err = give_back_filled(r, at, slots);
			if (err < 0)
				return err;
		}
	}
	return 0;
}

/* A frame of several chains. @return where it ends, or where it begins; -EINVAL. */
static int
resume_frame(const struct resume *r, unsigned int first, unsigned int end, uint16_t position)
{
	uint16_t after = position, last;
	int err;

	for (unsigned int i = first; i < end; i++)
		after = vn_vring_packed_advance(
			after, VN_BB_RUN_CHAINS(r->run[i]) * VN_BB_RUN_SLOTS(r->run[i]), r->size);
	if (given_back(r, position))
		return after;
	last = vn_vring_packed_retreat(after, VN_BB_RUN_SLOTS(r->run[end - 1]), r->size);
	if (!given_back(r, last))
		return position;
	err = complete_frame(r, first, end, after);
	return err < 0 ? err : after;
}

/* Chains that are frames of their own: @return where the first is that was not given back. */
static uint16_t
resume_chains(const struct resume *r, uint32_t chains, uint16_t slots, uint16_t position)
{
	for (; chains > 0 && given_back(r, position); chains--)
		position = vn_vring_packed_advance(position, slots, r->size);
	return position;
}

static int
resume_runs(const struct resume *r, uint16_t position)
{
	for (unsigned int i = 0, end; i < r->n_runs; i = end) {
		uint32_t left = VN_BB_RUN_CHAINS(r->run[i]);
		const uint16_t begin = position;
		int ret;

		end = i + 1;
		if (VN_BB_RUN_KIND(r->run[i]) == VN_BB_RUN_FRAME) {
			while (end < r->n_runs && VN_BB_RUN_KIND(r->run[end]) == VN_BB_RUN_MORE)
				end++;
			ret = resume_frame(r, i, end, position);
			if (ret < 0 || ret == begin)
				return ret;
			position = ret;
			continue;
		}
		position = resume_chains(r, left, VN_BB_RUN_SLOTS(r->run[i]), position);
		left *= VN_BB_RUN_SLOTS(r->run[i]);
		if (position != vn_vring_packed_advance(begin, left, r->size))
			break;
	}
	return position;
}

/* Is the list one that vn_virtq_packed_publish() can have made? */
static bool
runs_sound(const struct resume *r, uint16_t burst)
{
	uint64_t chains = 0, slots = 0;

	for (unsigned int i = 0; i < r->n_runs; i++) {
		const uint32_t kind = VN_BB_RUN_KIND(r->run[i]);

		if (kind != 0 && kind != VN_BB_RUN_FRAME &&
			(kind != VN_BB_RUN_MORE || i == 0 || VN_BB_RUN_KIND(r->run[i - 1]) == 0))
			return false;
		chains += VN_BB_RUN_CHAINS(r->run[i]);
		slots += (uint64_t)VN_BB_RUN_CHAINS(r->run[i]) * VN_BB_RUN_SLOTS(r->run[i]);
	}
	return chains == burst && slots <= r->size;
}

int
vn_virtq_packed_resume(const struct vn_guestmem *mem, uint64_t desc_gpa, uint16_t size,
	const struct vn_bb_ring *bb)
{
	const uint16_t position = bb->position;
	struct resume r = {.mem = mem, .size = size};

	if (!(bb->runs & VN_BB_PACKED) || size == 0 || size > VN_VQ_MAX_SIZE ||
		packed_index(position) >= size || bb->burst > size)
		return -EINVAL;
	r.n_runs = bb->runs & ~VN_BB_PACKED;
	if (r.n_runs > VN_BB_RUNS)
		return -EINVAL;
	memcpy(r.run, bb->run, sizeof(r.run));
	r.desc = vn_guestmem_addr(mem, desc_gpa, vn_vring_desc_bytes(size), true);
	if (r.desc == NULL || (uintptr_t)r.desc % VN_VRING_DESC_ALIGN != 0)
		return -EFAULT;
	if (r.n_runs == 0)
		return resume_chains(&r, bb->burst, 1, position);
	return runs_sound(&r, bb->burst) ? resume_runs(&r, position) : -EINVAL;
}

/*
 * A driver writes every descriptor of the ring in each lap. So one that lies before the position
 * was made available in this lap, or in the next one already; one from there on was not, and the
 * last that the device wrote there was in the lap before. A descriptor that was given back in
 * the other lap belies the position. (Those that are no chain's first never show that.)
 */
bool
vn_virtq_packed_possible(
	const struct vn_guestmem *mem, uint64_t desc_gpa, uint16_t size, uint16_t position)
{
	const uint16_t at = packed_index(position);
	const struct vn_vring_packed_desc *desc;

	if (size == 0 || size > VN_VQ_MAX_SIZE || at >= size)
		return false;
	desc = vn_guestmem_addr(mem, desc_gpa, vn_vring_desc_bytes(size), false);
	/* Not to be told; nobody can make a ring of it, either. */
	if (desc == NULL || (uintptr_t)desc % VN_VRING_DESC_ALIGN != 0)
		return true;
	for (uint16_t i = 0; i < size; i++) {
		const uint16_t lap = i < at ? position ^ VN_EVENT_WRAP : position;

		if ((packed_flags(packed_load(&desc[i])) & PK_FLAGS) == packed_used_flags(lap))
			return false;
	}
	return true;
}
