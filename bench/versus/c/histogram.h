// A histogram of nanoseconds with buckets that are 1/128 of their value wide,
// so that what it tells is within half a percent.
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

enum { SUB_BITS = 7, SUB = 1 << SUB_BITS, BUCKETS = (64 - SUB_BITS) * SUB };

typedef struct {
	uint64_t count, max, buckets[BUCKETS];
} histogram;

static inline void record(histogram *h, uint64_t v)
{
	int shift = v < SUB ? 0 : 63 - __builtin_clzll(v) - SUB_BITS;
	h->buckets[(v >> shift) + (uint64_t)shift * SUB]++;
	h->count++;
	if (v > h->max)
		h->max = v;
}

// quantile returns the middle of the bucket that holds the q-th value.
static inline uint64_t quantile(const histogram *h, double q)
{
	uint64_t rank = (uint64_t)(q * h->count), seen = 0;
	if (rank >= h->count)
		return h->max;
	for (uint64_t i = 0; i < BUCKETS; i++) {
		if ((seen += h->buckets[i]) <= rank)
			continue;
		int shift = i < 2 * SUB ? 0 : (int)(i / SUB) - 1;
		uint64_t low = (i - (uint64_t)shift * SUB) << shift, middle = low + ((1ULL << shift) >> 1);
		return middle < h->max ? middle : h->max;
	}
	return h->max;
}

#endif
