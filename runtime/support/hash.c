/* See hash.h. xxHash's header holds the whole code: programs need no further library. */
#include "support/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t entk_hash(const void *bytes, size_t size, uint64_t seed)
{
	return XXH3_64bits_withSeed(bytes, size, seed);
}
