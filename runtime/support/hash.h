/* Checksums of stored bytes and hashes of data: XXH3, 64 bits. Not cryptographic: they find damage, not forgery. */
#ifndef ENTK_SUPPORT_HASH_H
#define ENTK_SUPPORT_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Equal bytes hashed with another seed give another value. */
uint64_t entk_hash(const void *bytes, size_t size, uint64_t seed);

#endif
